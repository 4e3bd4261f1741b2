//! GitHub on loopback, as far as `packer init`, `install.sh` and `notify` ask it: tags, releases and the files in them,
//! events that are sent to a repository, behind a proxy that programs find in `HTTPS_PROXY`. A mirror that asks for a token is there too.
//!
//! It serves a folder, with what a case says of single files, and notes what it was asked for. It runs until the process
//! ends.

use std::{
    io::{self, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::{
    failure::{Doing as _, Result},
    files, loopback,
    process::Program,
};

/// The repository that has the releases.
pub const REPOSITORY: &str = "azure-batch-tools/packer-plugin-azure-batch";

/// The mirror that the Action can be pointed to.
pub const MIRROR: &str = "https://mirror.example/pool";

/// The token without which the mirror refuses.
pub const MIRROR_TOKEN: &str = "mirror-token";

/// The hosts that are played. GitHub hands the files of a release out from a host of their own, by a redirect.
const HOSTS: [&str; 5] = [
    "api.github.com",
    "github.com",
    "release-assets.githubusercontent.com",
    "releases.hashicorp.com",
    "mirror.example",
];

/// A GitHub.
#[derive(Debug)]
pub struct FakeGitHub {
    proxy: String,
    ca: PathBuf,
    asked: Asked,
    dispatched: Asked,
}

/// What was asked for: status and address without scheme.
type Asked = Arc<Mutex<Vec<String>>>;

/// What is answered from.
#[derive(Clone, Debug)]
pub struct Release<'a> {
    /// The folder with the files.
    pub files: &'a Path,
    /// The tags, whether they have files or not.
    pub tags: &'a [&'a str],
    /// What is done to the files whose names end so.
    pub spoilt: Option<(&'a str, Spoilt)>,
}

/// What can be wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoilt {
    /// It is not there.
    Missing,
    /// It has another content.
    Changed,
    /// Its last newline is missing.
    CutShort,
}

/// The same, for threads that outlive it.
#[derive(Clone, Debug)]
struct Content {
    files: PathBuf,
    tags: Vec<String>,
    spoilt: Option<(String, Spoilt)>,
}

/// An answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    location: Option<String>,
    body: Vec<u8>,
}

impl FakeGitHub {
    /// One with that release.
    ///
    /// # Errors
    /// When it cannot listen, or write its certificate into the folder.
    pub fn start(dir: &Path, release: &Release<'_>) -> Result<Self> {
        let content = Content {
            files: release.files.to_owned(),
            tags: release.tags.iter().map(|tag| (*tag).to_owned()).collect(),
            spoilt: release.spoilt.map(|(ending, how)| (ending.to_owned(), how)),
        };
        let (config, certificate) = loopback::tls(&HOSTS)?;
        let ca = dir.join("github.pem");
        files::write(&ca, certificate)?;
        let listener = TcpListener::bind("127.0.0.1:0").doing(|| "listen on loopback".to_owned())?;
        let address = listener.local_addr().doing(|| "find the port".to_owned())?;
        let (asked, dispatched) = (Asked::default(), Asked::default());
        let notes = (Arc::clone(&asked), Arc::clone(&dispatched));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (content, notes, config) = (content.clone(), notes.clone(), Arc::clone(&config));
                // A client that goes away has nothing to be answered.
                thread::spawn(move || drop(tunnel(&stream, config, &content, &notes)));
            }
        });
        Ok(Self {
            proxy: format!("http://{address}"),
            ca,
            asked,
            dispatched,
        })
    }

    /// The program with this GitHub in the place of the real one.
    #[must_use]
    pub fn seen_by(&self, program: Program) -> Program {
        self.variables()
            .into_iter()
            .fold(program, |program, (name, value)| program.env(name, value))
    }

    /// The variables by which programs find it: Go and curl have names of their own for the certificate.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, String); 3] {
        let ca = self.ca.display().to_string();
        [
            ("HTTPS_PROXY", self.proxy.clone()),
            ("SSL_CERT_FILE", ca.clone()),
            ("CURL_CA_BUNDLE", ca),
        ]
    }

    /// The same behind a proxy that has no way out: nothing listens there.
    #[must_use]
    pub fn gone(self) -> Self {
        Self {
            proxy: "http://127.0.0.1:9".to_owned(),
            ..self
        }
    }

    /// What it was asked for until now, each with the status of the answer.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl FakeGitHub {
    /// The bodies of the events that were sent to its repository.
    #[must_use]
    pub fn dispatched(&self) -> Vec<String> {
        self.dispatched.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Content {
    fn answer(&self, host: &str, path: &str, token: &str) -> Answer {
        let tags = format!("/repos/{REPOSITORY}/git/matching-refs/tags");
        let downloads = format!("/{REPOSITORY}/releases/download/");
        match host {
            "api.github.com" if path == tags => {
                let tags = self.tags.iter().map(|tag| json!({ "ref": format!("refs/tags/{tag}") }));
                Answer::ok(Value::from_iter(tags).to_string().into_bytes())
            }
            "github.com" => match path.strip_prefix(&downloads).and_then(|rest| self.file(rest)) {
                Some(file) => Answer::redirect(format!("https://release-assets.githubusercontent.com/{file}")),
                None => Answer::empty(404),
            },
            "release-assets.githubusercontent.com" => self.contents(path.trim_start_matches('/')),
            "mirror.example" if token != format!("Bearer {MIRROR_TOKEN}") => Answer::empty(401),
            "mirror.example" => match path.strip_prefix("/pool/").and_then(|rest| self.file(rest)) {
                Some(file) => self.contents(&file),
                None => Answer::empty(404),
            },
            _ => Answer::empty(404),
        }
    }

    /// The file of `<tag>/<file>`: its name has the tag in it and it is there.
    fn file(&self, rest: &str) -> Option<String> {
        let (tag, name) = rest.split_once('/')?;
        let is_there = self.files.join(name).is_file() && self.spoilt(name) != Some(Spoilt::Missing);
        (is_there && name.contains(&format!("_{tag}_"))).then(|| name.to_owned())
    }

    fn contents(&self, name: &str) -> Answer {
        match (std::fs::read(self.files.join(name)), self.spoilt(name)) {
            (Ok(_), Some(Spoilt::Changed)) => Answer::ok(b"another content".to_vec()),
            (Ok(body), Some(Spoilt::CutShort)) => Answer::ok(body.trim_ascii_end().to_vec()),
            (Ok(body), _) => Answer::ok(body),
            (Err(_not_there), _) => Answer::empty(404),
        }
    }

    fn spoilt(&self, name: &str) -> Option<Spoilt> {
        let (ending, how) = self.spoilt.as_ref()?;
        name.ends_with(ending.as_str()).then_some(*how)
    }
}

impl Answer {
    const fn ok(body: Vec<u8>) -> Self {
        Self {
            status: 200,
            location: None,
            body,
        }
    }

    const fn redirect(place: String) -> Self {
        Self {
            status: 302,
            location: Some(place),
            body: Vec::new(),
        }
    }

    const fn empty(status: u16) -> Self {
        Self {
            status,
            location: None,
            body: Vec::new(),
        }
    }

    fn write(&self, mut to: impl Write) -> io::Result<()> {
        let location = self.location.as_ref().map(|place| format!("Location: {place}\r\n"));
        write!(
            to,
            "HTTP/1.1 {} -\r\n{}Content-Length: {}\r\n\r\n",
            self.status,
            location.unwrap_or_default(),
            self.body.len()
        )?;
        to.write_all(&self.body)?;
        to.flush()
    }
}

/// Serves one client of the proxy.
fn tunnel(
    stream: &TcpStream,
    config: Arc<ServerConfig>,
    content: &Content,
    (asked, dispatched): &(Asked, Asked),
) -> io::Result<()> {
    let head = loopback::head(&mut BufReader::new(stream))?;
    let authority = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let host = authority.split(':').next().unwrap_or_default().to_owned();
    if !HOSTS.contains(&host.as_str()) {
        note(asked, 502, &host);
        return Answer::empty(502).write(stream);
    }
    let mut plain = stream.try_clone()?;
    plain.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut client = BufReader::new(StreamOwned::new(connection, plain));
    loop {
        let head = loopback::head(&mut client)?;
        let Some(path) = head.first().and_then(|line| line.split(' ').nth(1)) else {
            return Ok(());
        };
        let token = head.iter().find_map(|line| line.strip_prefix("Authorization: "));
        let body = loopback::body(&mut client, &head)?;
        let is_event = head.first().is_some_and(|line| line.starts_with("POST "))
            && host == "api.github.com"
            && path == format!("/repos/{REPOSITORY}/dispatches");
        let answer = if is_event {
            dispatched.lock().unwrap_or_else(PoisonError::into_inner).push(body);
            Answer::empty(204)
        } else {
            content.answer(&host, path, token.unwrap_or_default())
        };
        note(asked, answer.status, &format!("{host}{path}"));
        answer.write(client.get_mut())?;
    }
}

fn note(asked: &Asked, status: u16, address: &str) {
    let mut notes = asked.lock().unwrap_or_else(PoisonError::into_inner);
    notes.push(format!("{status} {address}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_mirrors_token_opens_the_mirror_and_files_lie_under_their_own_tag() {
        let dir = std::env::temp_dir().join("e2e-github-content");
        files::make_empty(&dir).unwrap();
        files::write(&dir.join("p_v1.0.0_SHA256SUMS"), "sums").unwrap();
        let content = Content {
            files: dir,
            tags: vec!["v1.0.0".to_owned()],
            spoilt: None,
        };
        let status = |host: &str, path: &str, token: &str| content.answer(host, path, token).status;
        let release = format!("/{REPOSITORY}/releases/download/v1.0.0/p_v1.0.0_SHA256SUMS");
        assert_eq!(status("github.com", &release, ""), 302);
        assert_eq!(status("github.com", &release.replace("/v1.0.0/", "/v2.0.0/"), ""), 404);
        let mirrored = "/pool/v1.0.0/p_v1.0.0_SHA256SUMS";
        assert_eq!(status("mirror.example", mirrored, ""), 401);
        assert_eq!(status("mirror.example", mirrored, "Bearer mirror-token"), 200);
    }
}
