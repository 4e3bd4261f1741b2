//! What runs where, how far it is behind, and what ends next: looks at everything in sight and judges it.
//!
//! It writes nothing. What is read stands in `estate` and `catalogue`, what follows from it in `assess`.

mod assess;
mod base;
mod catalogue;
mod images;
mod leftover;
mod managed;
mod note;
mod notes;
mod report;

pub use note::Note;
pub use report::{
    AutoscaleStatus, BaseStatus, ChangeStatus, Finding, FormerStatus, ImageStatus, NodesStatus, PoolStatus, Retirement,
    StatusReport,
};

use assess::{Horizon, assess};

use crate::{
    client::Client,
    error::Result,
    estate,
    settings::{Checked, StatusSettings},
};

/// Looks.
///
/// # Errors
/// When nothing can be listed, or the run ends. What alone could not be read is in the report.
pub async fn run(client: &Client, settings: &Checked<StatusSettings>) -> Result<StatusReport> {
    let run = client.run();
    let look = estate::read_to(client, &settings.sight, settings.depth);
    let estate = run
        .step("estate", "looking at the Batch accounts in sight", look)
        .await?;
    let look = catalogue::read(client, &estate);
    let catalogue = run
        .step("catalogue", "looking at image versions and end dates", look)
        .await?;
    let horizon = Horizon {
        now: run.now(),
        within_days: settings.within_days,
    };
    Ok(assess(&estate, &catalogue, horizon))
}
