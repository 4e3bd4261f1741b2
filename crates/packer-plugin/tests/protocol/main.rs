//! The plugin's side of Packer's protocol against recordings, raw frames and a scripted Packer.
//!
//! Everything runs in memory with a paused clock; real Packer is not started here. The
//! modules are marked as tests so that their helpers may fail by panicking, too.

#[cfg(test)]
mod behaviour;
#[cfg(test)]
mod fake_packer;
#[cfg(test)]
mod frames;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod specs;
