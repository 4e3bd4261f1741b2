//! Which pools take a version by themselves as soon as it is latest: those that name the definition.
//!
//! What is latest is not decided here.

use crate::{
    client::Client,
    error::{ErrorKind, Result},
    estate::{self, Estate, SeenAccount, SeenPool},
    ids::resource::ImageDefinitionId,
    settings::Sight,
};

/// One line for each pool in sight that follows the definition, and one for what could not be read.
///
/// # Errors
/// When Azure fails, or the run ends. What this identity may not see is a line.
pub(super) async fn look(client: &Client, definition: &ImageDefinitionId) -> Result<Vec<String>> {
    match estate::read(client, &Sight::Everything).await {
        Ok(estate) => Ok(lines(&estate, definition)),
        Err(error) if error.kind() == ErrorKind::NoRights => Ok(vec![
            "which pools follow the definition cannot be known: no subscription is readable".to_owned(),
        ]),
        Err(error) => Err(error),
    }
}

fn lines(estate: &Estate, definition: &ImageDefinitionId) -> Vec<String> {
    let follows = |pool: &SeenPool| pool.image.follows_latest() && pool.image.definition().as_ref() == Some(definition);
    let pools = estate.pools().filter(|(_, pool)| follows(pool));
    let mut lines: Vec<String> = pools.map(|(account, pool)| line(account, pool)).collect();
    if !estate.is_whole() {
        let unseen: Vec<&str> = estate.gaps.iter().map(|gap| gap.what.as_str()).collect();
        lines.push(format!(
            "what else follows the definition cannot be known: {} is not readable",
            unseen.join(", ")
        ));
    }
    lines
}

fn line(account: &SeenAccount, pool: &SeenPool) -> String {
    let nodes = pool.pool.current.total();
    let name = format!("pool {} of {} ({nodes} nodes)", pool.id, account.title());
    if pool.pool.is_upgraded_by_platform() {
        format!("{name} has automatic OS upgrade: all its nodes get the version that is latest")
    } else {
        format!("{name} follows the definition: its next nodes get the version that is latest")
    }
}
