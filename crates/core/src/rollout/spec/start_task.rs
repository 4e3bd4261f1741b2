//! The typed start task in Batch's form: its command is handed to the shell of the node's system.
//!
//! What else a start task can hold comes through the pool JSON.

use serde_json::{Value, json};

use crate::{
    command::{NodeOs, command_line},
    settings::{Elevation, StartTask, WaitForSuccess},
};

/// The pool JSON's `startTask`, or what is wrong with the command.
pub(in crate::rollout) fn render(task: &StartTask, os: NodeOs) -> Result<Value, &'static str> {
    Ok(json!({
        "commandLine": command_line(&task.command, os)?,
        "userIdentity": {"autoUser": {"scope": "pool", "elevationLevel": match task.elevation {
            Elevation::NonAdmin => "nonadmin",
            Elevation::Admin => "admin",
        }}},
        "maxTaskRetryCount": task.max_retries,
        "waitForSuccess": task.wait_for_success == WaitForSuccess::Yes,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(command: &str) -> StartTask {
        StartTask {
            command: command.to_owned(),
            elevation: Elevation::Admin,
            wait_for_success: WaitForSuccess::Yes,
            max_retries: 1,
        }
    }

    #[test]
    fn waiting_for_success_is_always_said() {
        let rendered = render(&task("true"), NodeOs::Linux).unwrap();
        assert_eq!(rendered["waitForSuccess"], true);
        assert_eq!(rendered["userIdentity"]["autoUser"]["elevationLevel"], "admin");
        let mut loose = task("true");
        loose.wait_for_success = WaitForSuccess::No;
        assert_eq!(render(&loose, NodeOs::Linux).unwrap()["waitForSuccess"], false);
    }
}
