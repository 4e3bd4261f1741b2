//! Batch as its clients see it: whole requests against an emulator in memory, at chosen times.
//!
//! It opens no socket; the clock is a value that tests move.

#[cfg(test)]
mod allocation;
#[cfg(test)]
mod auto_pools;
#[cfg(test)]
mod facts;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod life;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod planes;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod schedules;
#[cfg(test)]
mod upgrades;
#[cfg(test)]
mod wire;
