//! What becomes of tasks whose node goes.
//!
//! Which tasks those are is for who lets the node go.

use jiff::Timestamp;

use crate::batch::account::Account;
use crate::batch::allocation::DeallocationOption;
use crate::batch::node::TaskRun;

/// Takes tasks off their nodes: back into the queue, or to a failed end.
pub(crate) fn interrupt(account: &mut Account, runs: &[TaskRun], option: DeallocationOption, now: Timestamp) {
    for run in runs {
        let Ok(job) = account.job_mut(&run.job, now) else {
            continue;
        };
        let Some(task) = job.tasks.iter_mut().find(|task| task.id == run.task) else {
            continue;
        };
        if option == DeallocationOption::Terminate {
            task.terminate(now);
        } else {
            task.requeue(now);
        }
    }
}
