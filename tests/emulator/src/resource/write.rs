//! How a resource changes: with an operation that ends later, whatever kind it is.
//!
//! What the change is and whether it may be made is decided by the provider.

use ::http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::table::{Change, Doing, Item, Table};
use crate::{
    call::Call,
    engine::Engine,
    envelope::ArmPath,
    http::Response,
    operation::{Form, Output, Plan, Started},
};

/// A change that is about to begin.
#[derive(Debug)]
pub(crate) struct Beginning {
    pub(crate) doing: Doing,
    /// The form of its poll URL.
    pub(crate) form: Form,
    /// How long it takes, already scaled.
    pub(crate) lasts: SignedDuration,
    /// What the resource shows once it is over.
    pub(crate) readouts: Value,
}

impl Beginning {
    /// A change of so many seconds before the time scale.
    pub(crate) fn new(engine: &Engine, doing: Doing, (form, seconds): (Form, u32)) -> Self {
        Self {
            doing,
            form,
            lasts: engine.timing.lasts(seconds),
            readouts: json!({}),
        }
    }

    /// The same, with what the resource shows once it is over.
    pub(crate) fn showing(self, readouts: Value) -> Self {
        Self { readouts, ..self }
    }
}

/// Begins a change of an item that is written to its table next; its operation shows the resource at that path.
pub(crate) fn begin<F>(
    engine: &mut Engine,
    call: &Call<'_>,
    path: &ArmPath,
    item: &mut Item<F>,
    beginning: Beginning,
) -> Started {
    let plan = Plan {
        form: beginning.form,
        subscription: path.subscription.clone(),
        location: item.location(),
        lasts: beginning.lasts,
        output: Output::Resource(path.key()),
    };
    let started = engine.begin(call, plan);
    item.change = Some(Change::new(beginning.doing, &started).showing(beginning.readouts));
    started
}

/// Starts the deletion of what is there; 204 when nothing is.
pub(crate) fn delete<F>(
    table: &mut Table<F>,
    engine: &mut Engine,
    call: &Call<'_>,
    path: &ArmPath,
    (form, seconds): (Form, u32),
) -> Response {
    let Some(item) = table.find_mut(&path.key()) else {
        return Response::empty(StatusCode::NO_CONTENT);
    };
    let plan = Plan {
        form,
        subscription: path.subscription.clone(),
        location: item.location(),
        lasts: engine.timing.lasts(seconds),
        output: Output::Nothing,
    };
    let started = engine.begin(call, plan);
    item.change = Some(Change::new(Doing::Deleting, &started));
    started.announce_with_location(Response::empty(StatusCode::ACCEPTED))
}
