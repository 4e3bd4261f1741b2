//! From settings to a signed-in client: which cloud, which credential.
//!
//! It builds no HTTP client: the binaries hand one in, with their proxy, CA and user agent.

use std::sync::Arc;

use crate::{
    client::Client, cloud, credential, error::Result, ids::CloudChoice, progress::Event, run::Run, settings::Login,
    transport::Transport,
};

/// Finds the cloud and chooses the way of signing in. The first token is asked for by the first request.
///
/// # Errors
/// When the metadata host does not answer, or the login is refused as it stands.
pub async fn connect(login: &Login, cloud: &CloudChoice, transport: Arc<dyn Transport>, run: Run) -> Result<Client> {
    if let CloudChoice::MetadataHost(host) = cloud {
        // It says where the secret goes, so a reader should see its name before it is asked.
        run.progress.note(format!("reading the cloud's addresses from {host}"));
    }
    let cloud = cloud::find(cloud, &transport, &run).await?;
    let credential = credential::build(login, &cloud, &transport)?;
    run.progress.tell(Event::SigningIn {
        method: login.method(),
        identity: login.to_string(),
        cloud: cloud.name.clone(),
    });
    Ok(Client::new(transport, credential, Arc::new(cloud), run))
}
