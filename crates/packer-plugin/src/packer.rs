//! Packer's plugin protocol: everything between a socket and a post-processor.
//!
//! Packer plugins are neither HashiCorp go-plugin nor gRPC: they are Go `net/rpc` with a
//! msgpack codec, on logical connections that are brokered over yamux. From the bottom:
//!
//! | layer | file | what it does |
//! | --- | --- | --- |
//! | yamux | [`session`] | one connection, many streams; answers keep-alives |
//! | broker | [`broker`] | a stream gets the id by which the two sides mean the same thing |
//! | codec | [`extent`], [`codec`], [`messages`] | bytes ⇄ requests and responses |
//! | RPC | [`dispatch`], [`caller`] | what Packer calls, what we call |
//! | meaning | [`post_processor`], [`artifact`], [`ui`], [`spec`], [`config`], [`conform`] | Packer's own words |
//!
//! [`serve`](serve::serve) ties them together. Nothing here knows Azure.

pub mod artifact;
pub mod broker;
pub mod caller;
pub mod cancellation;
pub mod codec;
pub mod config;
pub mod conform;
pub mod dispatch;
pub mod extent;
pub mod log;
pub mod messages;
pub mod post_processor;
pub mod serve;
pub mod session;
pub mod spec;
pub mod state;
pub mod template;
pub mod text;
pub mod ui;
