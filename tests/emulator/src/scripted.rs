//! What becomes of a request that a scripted fault hits.
//!
//! Which fault hits it is decided in `fault`; faults of operations and of Batch's nodes are played where those are made.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    Emulator, Outcome, Service, batch,
    call::Call,
    entra,
    envelope::ArmError,
    fault::{Effect, Refusal, RivalWrite, TokenFault, When},
    http::{Request, Response},
    json as edit,
    seed::Seed,
    storage, vault,
};

impl Emulator {
    /// Answers a request under the fault that it met. The fault counts only when it took effect.
    pub(crate) fn answer_under(&mut self, effect: Effect, service: Service, call: &Call<'_>) -> Outcome {
        match effect {
            Effect::ResetBeforeEffect => self.hit(Outcome::ResetBeforeEffect),
            Effect::ResetAfterEffect => self.hit_after_effect(service, call, |_| Outcome::ResetAfterEffect),
            Effect::Hang {
                when: When::BeforeEffect,
            } => self.hit(Outcome::Hang),
            Effect::Hang {
                when: When::AfterEffect,
            } => self.hit_after_effect(service, call, |_| Outcome::Hang),
            Effect::EndlessBody => self.hit_after_effect(service, call, Outcome::EndlessBody),
            Effect::WrongBody {
                body,
                status,
                content_type,
            } => self.hit_after_effect(service, call, |response| {
                Outcome::Answer(with_wrong_body(response, body, status, content_type.as_deref()))
            }),
            Effect::HugeBody { bytes } => {
                self.hit_after_effect(service, call, |response| Outcome::Answer(padded(response, bytes)))
            }
            Effect::EndlessList => self.endless_list(service, call),
            Effect::Rival { write, when } => self.with_rival((&write, when), service, call),
            Effect::Seed { seed } => {
                let planted = Seed::parse(&seed.to_string()).and_then(|seed| self.seed(&seed, call.now));
                if planted.is_ok() {
                    self.world.engine.faults.took_effect();
                }
                Outcome::Answer(self.answer(service, call))
            }
            Effect::Status(refusal) => self.refuse(&refusal, service, call),
            Effect::TokenRefused { reason } => {
                let answer = self.refuse_token(reason, service, call);
                self.hit(Outcome::Answer(answer))
            }
            Effect::Throttle { retry_after } => {
                let message = "The request was throttled. Retry after the time in the Retry-After header.";
                let refusal = Refusal {
                    retry_after,
                    ..Refusal::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message)
                };
                self.refuse(&refusal, service, call)
            }
            // The others hit operations and nodes; no request meets them here.
            _ => Outcome::Answer(self.answer(service, call)),
        }
    }

    fn hit(&mut self, outcome: Outcome) -> Outcome {
        self.world.engine.faults.took_effect();
        outcome
    }

    fn hit_after_effect(
        &mut self,
        service: Service,
        call: &Call<'_>,
        becomes: impl FnOnce(Response) -> Outcome,
    ) -> Outcome {
        let response = self.answer(service, call);
        self.hit(becomes(response))
    }

    /// The answer of a refusal in the service's form.
    fn refuse(&mut self, refusal: &Refusal, service: Service, call: &Call<'_>) -> Outcome {
        if refusal.when == When::AfterEffect {
            let _unseen: Response = self.answer(service, call);
        }
        let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = self.envelope(refusal, status, service, call);
        if let Some(seconds) = refusal.retry_after {
            response = response.with_header("retry-after", &seconds.to_string());
        }
        response.headers.extend(headers(refusal));
        self.hit(Outcome::Answer(response))
    }

    fn envelope(&mut self, refusal: &Refusal, status: StatusCode, service: Service, call: &Call<'_>) -> Response {
        match (&refusal.body, service) {
            (Some(body), _) => Response::json(status, body),
            (None, Service::Entra) => entra::error_response(status, &refusal.code, &refusal.message),
            (None, Service::Arm | Service::Vault) => {
                let error = ArmError::new(status, &refusal.code, refusal.message.clone());
                match &refusal.additional_info {
                    Some(info) => error.with("additionalInfo", info.clone()).response(),
                    None => error.response(),
                }
            }
            (None, Service::Batch) => batch::refuse(
                &mut self.world.batch_parts(),
                call,
                status,
                (&refusal.code, &refusal.message),
            ),
            (None, Service::Blobs) => storage::refuse(call.request, status, (&refusal.code, &refusal.message)),
        }
    }

    /// 401 for a token that is good.
    fn refuse_token(&mut self, reason: TokenFault, service: Service, call: &Call<'_>) -> Response {
        let denied = match reason {
            TokenFault::Expired => entra::Denied::Expired,
            TokenFault::Invalid => entra::Denied::Malformed,
        };
        let page = format!("https://{}/common", call.request.authority);
        match service {
            Service::Arm => denied.arm_response(&page),
            Service::Batch => batch::refuse_token(&mut self.world.batch_parts(), call, &denied, &page),
            Service::Vault => vault::refuse_token(call.request, &denied),
            Service::Entra => entra::error_response(StatusCode::UNAUTHORIZED, "invalid_client", &denied.to_string()),
            Service::Blobs => {
                let told = ("InvalidAuthenticationInfo", denied.to_string());
                storage::refuse(call.request, StatusCode::UNAUTHORIZED, (told.0, &told.1))
            }
        }
    }

    fn endless_list(&mut self, service: Service, call: &Call<'_>) -> Outcome {
        let mut response = self.answer(service, call);
        let body = serde_json::from_slice::<Value>(&response.body).ok();
        if let Some(mut body) = body.filter(|body| body.get("value").is_some_and(Value::is_array)) {
            let name = match service {
                Service::Batch => "odata.nextLink",
                Service::Arm | Service::Entra | Service::Blobs | Service::Vault => "nextLink",
            };
            edit::set(&mut body, &[name], json!(url_of(call.request)));
            response.body = Bytes::from(body.to_string());
            response.headers.remove("content-length");
            self.world.engine.faults.took_effect();
        }
        Outcome::Answer(response)
    }

    /// Another caller writes first, or last; it counts when that write is taken.
    fn with_rival(&mut self, (write, when): (&RivalWrite, When), service: Service, call: &Call<'_>) -> Outcome {
        let own = (when == When::AfterEffect).then(|| self.answer(service, call));
        if let Some(request) = rival(write, call.request) {
            let rival = Call {
                request: &request,
                now: call.now,
            };
            let taken = self
                .answer(crate::service(&self.world.storage, &request), &rival)
                .status
                .is_success();
            if taken {
                self.world.engine.faults.took_effect();
            }
        }
        Outcome::Answer(own.unwrap_or_else(|| self.answer(service, call)))
    }
}

fn with_wrong_body(mut response: Response, body: String, status: Option<u16>, content_type: Option<&str>) -> Response {
    response.status = status
        .and_then(|status| StatusCode::from_u16(status).ok())
        .unwrap_or(StatusCode::OK);
    response.body = body.into();
    response.headers.remove("content-length");
    match content_type {
        Some(kind) => response.with_header("content-type", kind),
        None => response,
    }
}

fn padded(mut response: Response, bytes: usize) -> Response {
    let mut body = BytesMut::from(response.body.as_ref());
    body.resize(body.len() + bytes, b' ');
    response.body = body.freeze();
    response.headers.remove("content-length");
    response
}

fn headers(refusal: &Refusal) -> HeaderMap {
    let pair = |(name, value): (&String, &String)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        Some((name, HeaderValue::from_str(value).ok()?))
    };
    refusal.headers.iter().filter_map(pair).collect()
}

fn url_of(request: &Request) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&request.query)
        .finish();
    format!("https://{}{}?{query}", request.authority, request.path)
}

/// The other caller's request; `None` when its verb is none.
fn rival(write: &RivalWrite, request: &Request) -> Option<Request> {
    let (path, query) = match &write.path {
        Some(path) => path.split_once('?').unwrap_or((path, "")),
        None => (request.path.as_str(), ""),
    };
    let mut pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let version = request.query("api-version").unwrap_or_default();
    if !pairs.iter().any(|(name, _)| name.eq_ignore_ascii_case("api-version")) {
        pairs.push(("api-version".to_owned(), version.to_owned()));
    }
    let body = match &write.body {
        Some(body) => Bytes::from(body.to_string()),
        None => request.body.clone(),
    };
    let mut headers = request.headers.clone();
    for condition in ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"] {
        headers.remove(condition);
    }
    headers
        .entry("content-type")
        .or_insert(HeaderValue::from_static("application/json; odata=minimalmetadata"));
    headers.insert("content-length", HeaderValue::from(body.len()));
    Some(Request {
        method: Method::from_bytes(write.method.as_bytes()).ok()?,
        path: path.to_owned(),
        query: pairs,
        headers,
        body,
        ..request.clone()
    })
}
