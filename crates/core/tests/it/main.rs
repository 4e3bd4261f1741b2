//! Core's flows on the in-memory emulator with a paused clock: hours in milliseconds.

#![cfg(test)]

mod adopt;
mod answers;
mod captured;
mod cost;
mod credential;
mod definition;
mod doctor;
mod estate;
mod fleet;
mod gc;
mod given;
mod judgement;
mod layout;
mod preflight;
mod promotion;
mod prune;
mod publish;
mod publish_reconcile;
mod publish_sweep;
mod quotas;
mod recorded;
mod replication;
mod rights;
mod rollout;
mod rollout_autoscale;
mod rollout_blue_green;
mod rollout_blue_green_sweep;
mod rollout_first_nodes;
mod rollout_heal;
mod rollout_in_place;
mod rollout_in_place_sweep;
mod rollout_meanwhile;
mod rollout_short;
mod rollout_sweep;
mod scale;
mod shown;
mod source_image;
mod status;
mod support;
mod sweep;
mod testing;
mod upkeep;
mod vhds;
