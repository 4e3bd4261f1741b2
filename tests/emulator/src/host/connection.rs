//! Connections of the TLS port: requests in, answers out, and real resets when a fault asks for one.
//!
//! What is answered is the emulator's business.

use std::{
    convert::Infallible,
    future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Extensions;
use http_body_util::{BodyExt as _, Either, Full};
use hyper::{
    body::{Body, Frame},
    ext::ReasonPhrase,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::{Shared, log};
use crate::{
    Outcome,
    http::{Request, Response},
};

/// Why a connection is cut in the middle of a request.
#[derive(Debug, Error)]
enum Cut {
    #[error("a fault resets the connection")]
    Reset,
    #[error("the request's body cannot be read")]
    Body(#[source] hyper::Error),
}

/// A body that goes on with spaces for ever, in chunks of 16 KiB.
struct Endless {
    beginning: Option<Bytes>,
}

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.beginning.take().unwrap_or(Bytes::from_static(&[b' '; 16 * 1024]));
        Poll::Ready(Some(Ok(Frame::data(next))))
    }
}

/// Accepts connections until it is dropped, and its connections with it.
pub(super) async fn serve(listener: TcpListener, acceptor: TlsAcceptor, (shared, names): (Arc<Shared>, Extensions)) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(serve_one(
                    stream,
                    acceptor.clone(),
                    (Arc::clone(&shared), names.clone()),
                ));
            }
            Err(error) => {
                log::say(&format!("cannot accept a connection: {error}"));
                // Out of file descriptors, most likely: let others run before asking again.
                tokio::task::yield_now().await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve_one(stream: TcpStream, acceptor: TlsAcceptor, (shared, names): (Arc<Shared>, Extensions)) {
    if let Err(error) = stream.set_nodelay(true) {
        log::say(&format!("cannot set TCP_NODELAY: {error}"));
    }
    // A client that does not trust the certificate hangs up here; it says so itself.
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let service = service_fn(move |request| {
        let (shared, names) = (Arc::clone(&shared), names.clone());
        Box::pin(async move {
            let mut answer = answer(request, &shared).await?;
            answer.extensions_mut().extend(names);
            Ok::<_, Cut>(answer)
        })
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let result = (&mut connection).await;
    let is_reset = result.is_err_and(|error| {
        std::error::Error::source(&error)
            .and_then(|cause| cause.downcast_ref::<Cut>())
            .is_some()
    });
    if is_reset {
        let stream = connection.into_parts().io.into_inner();
        // Without linger, closing sends RST instead of FIN.
        if let Err(error) = stream.get_ref().0.set_zero_linger() {
            log::say(&format!("cannot reset a connection: {error}"));
        }
    }
}

async fn answer(
    request: hyper::Request<hyper::body::Incoming>,
    shared: &Shared,
) -> Result<hyper::Response<Either<Full<Bytes>, Endless>>, Cut> {
    let request = read_request(request).await.map_err(Cut::Body)?;
    match shared.respond(&request) {
        Outcome::Answer(response) => Ok(write_response(response).map(Either::Left)),
        Outcome::EndlessBody(response) => Ok(endless(response).map(Either::Right)),
        Outcome::ResetBeforeEffect | Outcome::ResetAfterEffect => Err(Cut::Reset),
        Outcome::Hang => {
            let never: Infallible = future::pending().await;
            match never {}
        }
    }
}

/// A request as the emulator takes it.
pub(crate) async fn read_request<B: Body>(request: http::Request<B>) -> Result<Request, B::Error> {
    let (head, body) = request.into_parts();
    let host = head.headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
    let authority = head
        .uri
        .authority()
        .map(ToString::to_string)
        .or(host.map(str::to_owned))
        .unwrap_or_default();
    let query = url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect();
    Ok(Request {
        method: head.method,
        authority,
        path: head.uri.path().to_owned(),
        query,
        headers: head.headers,
        body: body.collect().await?.to_bytes(),
    })
}

/// An answer that begins and never ends.
fn endless(response: Response) -> http::Response<Endless> {
    let beginning = response.body.clone();
    let whole = write_response(response);
    let mut answer = http::Response::new(Endless {
        beginning: Some(beginning),
    });
    *answer.status_mut() = whole.status();
    *answer.headers_mut() = whole.headers().clone();
    // The length of what is only the beginning would end it.
    answer.headers_mut().remove(http::header::CONTENT_LENGTH);
    answer
}

/// An answer as HTTP/1.1 takes it.
pub(crate) fn write_response(response: Response) -> http::Response<Full<Bytes>> {
    let mut answer = http::Response::new(Full::new(response.body));
    *answer.status_mut() = response.status;
    *answer.headers_mut() = response.headers;
    if let Some(reason) = response
        .reason
        .and_then(|reason| ReasonPhrase::try_from(reason.into_bytes()).ok())
    {
        answer.extensions_mut().insert(reason);
    }
    answer
}
