//! How long things take in Batch, before the world's time scale is applied.
//!
//! It schedules nothing. Where a figure was recorded the recording is named; the others are plausible round numbers.

use jiff::SignedDuration;

/// The durations of one world's Batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// A resize, whatever its size. Recorded: 52 s for one node.
    pub(crate) allocation_base: SignedDuration,
    /// A resize, for each node more, in milliseconds. 0.1 s a node makes 1 000 nodes take 160 s.
    pub(crate) allocation_per_node: SignedDuration,
    /// From a node's allocation to `starting`. Recorded: 10.5 s.
    pub(crate) creating: SignedDuration,
    /// From `starting` to the node agent's first word. Recorded: 9.3 s.
    pub(crate) starting: SignedDuration,
    /// The same on Windows. Recorded: 65 s.
    pub(crate) starting_windows: SignedDuration,
    /// A start task.
    pub(crate) start_task: SignedDuration,
    /// `rebooting`.
    pub(crate) rebooting: SignedDuration,
    /// `reimaging`.
    pub(crate) reimaging: SignedDuration,
    /// `upgradingos`: a reimage by another name.
    pub(crate) upgrading: SignedDuration,
    /// `deallocating`.
    pub(crate) deallocating: SignedDuration,
    /// `leavingpool`.
    pub(crate) leaving: SignedDuration,
    /// `stopping`.
    pub(crate) stopping: SignedDuration,
    /// A pool's `deleting`, once its nodes are gone.
    pub(crate) pool_deletion: SignedDuration,
    /// A job's `disabling`, `enabling`, `terminating` and `deleting`.
    pub(crate) job_change: SignedDuration,
    /// From a task being startable to its start. Recorded: 0.6 s.
    pub(crate) task_start: SignedDuration,
    /// A task that says nothing else. Recorded: 0.5 s.
    pub(crate) task: SignedDuration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            allocation_base: SignedDuration::from_secs(60),
            allocation_per_node: SignedDuration::from_millis(100),
            creating: SignedDuration::from_secs(10),
            starting: SignedDuration::from_secs(10),
            starting_windows: SignedDuration::from_secs(65),
            start_task: SignedDuration::from_secs(20),
            rebooting: SignedDuration::from_secs(60),
            reimaging: SignedDuration::from_secs(90),
            upgrading: SignedDuration::from_secs(90),
            deallocating: SignedDuration::from_secs(30),
            leaving: SignedDuration::from_secs(20),
            stopping: SignedDuration::from_secs(10),
            pool_deletion: SignedDuration::from_secs(30),
            job_change: SignedDuration::from_secs(5),
            task_start: SignedDuration::from_millis(600),
            task: SignedDuration::from_millis(500),
        }
    }
}
