//! HCP Packer on loopback, as far as a build asks it: a token, the bucket, the version of a fingerprint, the build of each
//! source, and at its end what was built.
//!
//! It keeps what it was sent and nothing else: every run finds an empty registry. It runs until the process ends.

use std::{
    io::{self, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::{
    failure::{Doing as _, Failure, Result},
    loopback,
};

/// The bucket that builds go to.
pub const BUCKET: &str = "nodes";

/// A registry.
#[derive(Debug)]
pub struct FakeHcp {
    address: String,
    asked: Asked,
}

/// A request: method, path and body.
#[derive(Clone, Debug)]
struct Request {
    method: String,
    path: String,
    body: String,
}

type Asked = Arc<Mutex<Vec<Request>>>;

impl FakeHcp {
    /// An empty one.
    ///
    /// # Errors
    /// When it cannot listen.
    pub fn start() -> Result<Self> {
        let (config, _certificate) = loopback::tls(&["127.0.0.1"])?;
        let listener = TcpListener::bind("127.0.0.1:0").doing(|| "listen on loopback".to_owned())?;
        let address = listener.local_addr().doing(|| "find the port".to_owned())?.to_string();
        let asked = Asked::default();
        let notes = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (notes, config) = (Arc::clone(&notes), Arc::clone(&config));
                // A client that goes away has nothing to be answered.
                thread::spawn(move || drop(serve(stream, config, &notes)));
            }
        });
        Ok(Self { address, asked })
    }

    /// The variables by which Packer finds it and sends a build there. The certificate is of this run, so Packer must not
    /// look at it.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, String); 10] {
        let text = |text: &str| text.to_owned();
        [
            ("HCP_AUTH_URL", format!("https://{}", self.address)),
            ("HCP_AUTH_TLS", text("insecure")),
            ("HCP_API_ADDRESS", self.address.clone()),
            ("HCP_API_TLS", text("insecure")),
            ("HCP_CLIENT_ID", text("builder")),
            ("HCP_CLIENT_SECRET", text("not-for-any-real-registry")),
            ("HCP_ORGANIZATION_ID", text("organization")),
            ("HCP_PROJECT_ID", text("project")),
            ("HCP_PACKER_BUCKET_NAME", text(BUCKET)),
            ("HCP_PACKER_BUILD_FINGERPRINT", text("fingerprint")),
        ]
    }

    /// What it was asked for, a line each.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let line = |request: &Request| format!("{} {} {}", request.method, request.path, request.body);
        // The credential is in the first one.
        let shown = asked.iter().filter(|request| !request.path.contains("/oauth2/"));
        shown.map(line).collect()
    }

    /// What was said of the build when it was done.
    ///
    /// # Errors
    /// When no build was done.
    pub fn done(&self) -> Result<Value> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let bodies = asked.iter().filter(|request| request.method == "PATCH");
        let mut bodies = bodies.filter_map(|request| serde_json::from_str::<Value>(&request.body).ok());
        let done = bodies.find(|body| body.get("status").is_some_and(|status| status == "BUILD_DONE"));
        done.ok_or_else(|| Failure::unexpected("HCP Packer heard of no build that is done"))
    }
}

impl Request {
    /// Status and body of the answer.
    fn answer(&self) -> (u16, Value) {
        let last = self.path.split('?').next().unwrap_or_default();
        let (parent, last) = last.rsplit_once('/').unwrap_or_default();
        let kind = parent.rsplit('/').next().unwrap_or_default();
        let build = |component: &Value| json!({"id": "build", "component_type": component, "status": "BUILD_UNSET", "labels": {}, "artifacts": []});
        match (self.method.as_str(), kind, last) {
            ("POST", "oauth2", "token") => {
                let token = json!({"access_token": "token", "token_type": "Bearer", "expires_in": 3600});
                (200, token)
            }
            ("GET", "buckets", name) => (200, json!({"bucket": {"id": "bucket", "name": name}})),
            // What it says of a version that is not there.
            ("GET", "versions", _) => (409, json!({"code": 10, "message": "no such version"})),
            ("POST", _, "versions") => {
                let version = json!({"id": "version", "name": "v0", "status": "VERSION_RUNNING"});
                (200, json!({"version": version}))
            }
            ("GET", _, "builds") => (200, json!({"builds": []})),
            ("POST", _, "builds") => {
                let asked: Value = serde_json::from_str(&self.body).unwrap_or_default();
                (
                    200,
                    json!({"build": build(asked.get("component_type").unwrap_or(&Value::Null))}),
                )
            }
            ("PATCH", "builds", _) => (200, json!({"build": build(&Value::Null)})),
            _ => (404, json!({"code": 5, "message": "not found"})),
        }
    }
}

/// Serves one connection.
fn serve(stream: TcpStream, config: Arc<ServerConfig>, asked: &Asked) -> io::Result<()> {
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut client = BufReader::new(StreamOwned::new(connection, stream));
    loop {
        let head = loopback::head(&mut client)?;
        let mut first = head.first().map(|line| line.split(' ')).into_iter().flatten();
        let (Some(method), Some(path)) = (first.next(), first.next()) else {
            return Ok(());
        };
        let request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            body: loopback::body(&mut client, &head)?,
        };
        let (status, body) = request.answer();
        asked.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        let body = body.to_string();
        let to = client.get_mut();
        write!(
            to,
            "HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        to.flush()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_of_a_build_has_its_answer_and_any_other_is_not_found() {
        let answer = |method: &str, path: &str| {
            let request = Request {
                method: method.to_owned(),
                path: format!("/packer/2023-01-01/organizations/o/projects/p/buckets/{path}"),
                body: r#"{"component_type":"null.machine"}"#.to_owned(),
            };
            request.answer()
        };
        assert_eq!(answer("GET", "nodes").1["bucket"]["name"], "nodes");
        assert_eq!(answer("GET", "nodes/versions/f").0, 409);
        assert_eq!(answer("POST", "nodes/versions").1["version"]["name"], "v0");
        assert_eq!(
            answer("POST", "nodes/versions/f/builds").1["build"]["component_type"],
            "null.machine"
        );
        assert_eq!(answer("PATCH", "nodes/versions/f/builds/build").0, 200);
        assert_eq!(answer("GET", "nodes/channels/production").0, 404);
    }
}
