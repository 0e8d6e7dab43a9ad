//! `kinesis ...`: shards and positions.

use super::args::{CheckpointsCommand, KinesisCommand, PlaceArg, ResetArg};
use super::output::{Columns, Output, counted};
use super::stream_ingest::{clock, runtime};
use super::{Context, absolute};
use crate::error::Error;
use crate::feature_store::{Checkpoint, Input, ResetTo, ShardInfo};
use crate::model::StartPosition;

pub fn run(context: &Context, command: &KinesisCommand) -> Result<Output, Error> {
    let store = context.open()?;
    match command {
        KinesisCommand::Shards { views, endpoint_url } => {
            let shards = runtime()?.block_on(store.kinesis_shards(views, endpoint_url.clone(), clock()))?;
            Output::new(&shards, shards_screen(&shards))
        }
        KinesisCommand::Deregister { views, endpoint_url } => {
            let done = runtime()?.block_on(store.deregister_consumers(views, endpoint_url.clone(), clock()))?;
            let lines = done.iter().map(|done| {
                let how = if done.existed { "taken back" } else { "was gone already" };
                format!("{}  {}  {how}", done.stream, done.consumer)
            });
            let text = lines.collect::<Vec<_>>().join("\n");
            let nothing = "feast-rs has registered no consumer here.".to_owned();
            Output::new(&done, if done.is_empty() { nothing } else { text })
        }
        KinesisCommand::Checkpoints(CheckpointsCommand::List { views }) => {
            let checkpoints = store.checkpoints(views)?;
            Output::new(&checkpoints, checkpoints_screen(&checkpoints))
        }
        KinesisCommand::Checkpoints(CheckpointsCommand::Reset { view, to, endpoint_url, input }) => {
            let to = place(context, to)?;
            let input = input.as_ref().map(|path| absolute(path).map(Input::File)).transpose()?;
            let reset = store.reset_checkpoints(view, to, input.as_ref(), endpoint_url.clone(), clock());
            let report = runtime()?.block_on(reset)?;
            let count = counted(report.checkpoints.len(), "shard");
            let text = match &report.stream {
                Some(stream) => format!("`{}` goes on in {count} of {stream}.", report.view),
                None => format!("`{}` goes on where it was, in {count}.", report.view),
            };
            Output::new(&report, text)
        }
    }
}

fn place(context: &Context, to: &ResetArg) -> Result<ResetTo, Error> {
    Ok(match to {
        ResetArg::Keep => ResetTo::Keep,
        ResetArg::Place(PlaceArg::AtTimestamp(time)) => ResetTo::Place(StartPosition::AtTimestamp(context.time(time)?)),
        ResetArg::Place(PlaceArg::Latest) => ResetTo::Place(StartPosition::Latest),
        ResetArg::Place(PlaceArg::TrimHorizon | PlaceArg::After(..)) => ResetTo::Place(StartPosition::TrimHorizon),
    })
}

fn shards_screen(shards: &[ShardInfo]) -> String {
    let mut columns = Columns::new(&["stream", "shard", "state", "parents", "view", "checkpoint", "read until"]);
    for shard in shards {
        let head = |cells: [String; 3]| {
            [shard.stream.clone(), shard.shard.clone(), shard.state.to_owned(), shard.parents.join(", ")]
                .into_iter()
                .chain(cells)
        };
        if shard.views.is_empty() {
            columns.row(head([String::new(), String::new(), String::new()]));
        }
        for view in &shard.views {
            columns.row(head([
                view.view.clone(),
                view.checkpoint.clone(),
                view.read_until.clone().unwrap_or_default(),
            ]));
        }
    }
    columns.text()
}

fn checkpoints_screen(checkpoints: &[Checkpoint]) -> String {
    if checkpoints.is_empty() {
        return "No stream was read yet.".to_owned();
    }
    let mut columns = Columns::new(&["view", "stream", "shard", "checkpoint", "read until", "watermark"]);
    for at in checkpoints {
        columns.row([
            at.view.clone(),
            at.stream.clone(),
            at.shard.clone(),
            at.checkpoint.clone(),
            at.read_until.clone().unwrap_or_default(),
            at.watermark.clone().unwrap_or_default(),
        ]);
    }
    columns.text()
}
