//! The engine of metalab: operations, identity, plan, schedule, records, journal, index and results.
//!
//! It decides what must run and keeps what happened. It opens no table, needs neither the index nor the tables to
//! be right, draws nothing and reads nobody's home. The nouns:
//!
//! | noun | module |
//! | --- | --- |
//! | **operation**: a user's function, typed in and out; found by name | [`operation`](mod@operation), [`registry`] |
//! | **experiment**: what is asked for; **plan**: its cells with run ids, and what must run | [`experiment`](mod@experiment), [`plan`] |
//! | **recipe**: what a run is made of; its digest is the run id | [`recipe`], [`code`], [`params`], [`seeds`](mod@seeds), [`context`] |
//! | **record**: what happened, in the append-only **journal**; found by the **index** | [`record`], [`journal`], [`index`] |
//! | **schedule** and **executor**: what runs when, and where | [`schedule`], [`running`] |
//! | what a step takes from others | [`inputs`] |
//! | **manifest**: what a submission asked for, by value; **case tags** | [`manifest`], [`tags`] |
//! | **capture** and **results**: what a run leaves, and how it is read back | [`capture`], [`codec`], [`results`] |
//! | **derived** metrics: functions over finished runs | [`derived`](mod@derived) |

pub mod capture;
pub mod cells;
pub mod code;
pub mod codec;
pub mod context;
pub mod derived;
pub mod experiment;
mod failure;
pub mod id;
pub mod index;
pub mod inputs;
pub mod inspect;
pub mod journal;
pub mod live;
pub mod manifest;
pub mod name;
pub mod operation;
pub mod params;
pub mod pins;
pub mod plan;
pub mod recipe;
pub mod record;
pub mod registry;
pub mod results;
pub mod running;
pub mod schedule;
pub mod secret;
pub mod seeds;
pub mod store;
mod submission;
pub mod tags;
pub mod values;

pub use capture::Capture;
pub use context::{Context, DirPath, FilePath, Fingerprint, GitCommit, Glob, Named, Stat};
pub use experiment::Experiment;
pub use failure::{Failure, Result};
pub use inputs::{Gathered, Input};
pub use metalab_macros::{Context, derived, experiment, operation, resolver};
pub use operation::{Metadata, Operation, Runtime};
pub use running::RunError;
pub use secret::Secret;
pub use seeds::{SeedBundle, seeds};
pub use store::Store;

/// What the macros refer to; not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use crate::context::travel;
    pub use inventory;
    pub use metalab_cas::Value;
    pub use metalab_cas::value::ValueError;
    pub use metalab_macros::main;
    pub use serde;
}
