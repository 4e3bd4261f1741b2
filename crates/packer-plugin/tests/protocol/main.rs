//! The plugin's side of Packer's protocol against recordings, raw frames and a scripted Packer.
//!
//! Everything runs in memory with a paused clock; real Packer is not started here.

mod behaviour;
mod fake_packer;
mod frames;
mod golden;
mod reference;
mod specs;
