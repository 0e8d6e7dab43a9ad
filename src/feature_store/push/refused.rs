//! Refused records of a piece, told once however many views refuse them.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::ToldRefusal;
use super::input::hex;
use crate::offline::{DeadLetter, DeadLetterId, Payload};

/// One refused record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// its number in what was pushed, from 1
    pub record: u64,
    /// what is wrong, as `explain` knows it
    pub code: &'static str,
    /// what is wrong with this one
    pub message: String,
    /// the view that refuses it; `None`: all
    pub view: Option<String>,
    /// the record as it came
    pub bytes: Vec<u8>,
}

/// What the views of a push say about the records of one piece.
#[derive(Debug, Default)]
pub(super) struct Judgements {
    views: usize,
    /// record and place in it -> what is wrong -> the views that say so
    by_record: BTreeMap<(u64, u32), Vec<Judgement>>,
}

#[derive(Debug)]
struct Judgement {
    code: &'static str,
    message: String,
    views: Vec<String>,
}

impl Judgements {
    pub(super) fn new(views: usize) -> Self {
        Self { views, by_record: BTreeMap::new() }
    }

    /// A view refuses a record.
    pub(super) fn add(&mut self, place: (u64, u32), code: &'static str, message: &str, view: &str) {
        let judgements = self.by_record.entry(place).or_default();
        match judgements.iter_mut().find(|known| known.code == code && known.message == message) {
            Some(known) => known.views.push(view.to_owned()),
            None => judgements.push(Judgement { code, message: message.to_owned(), views: vec![view.to_owned()] }),
        }
    }

    /// Whether a record is refused by a view.
    pub(super) fn has(&self, place: (u64, u32)) -> bool {
        self.by_record.contains_key(&place)
    }

    /// All of them in the order of their records; `bytes` gives the text of a record.
    pub(super) fn told(self, bytes: impl Fn((u64, u32)) -> Vec<u8>) -> Vec<Refused> {
        let views = self.views;
        let mut told = Vec::new();
        for (place, judgements) in self.by_record {
            for Judgement { code, message, views: by } in judgements {
                let of = |view: Option<String>| Refused {
                    record: place.0,
                    code,
                    message: message.clone(),
                    view,
                    bytes: bytes(place),
                };
                if by.len() >= views {
                    told.push(of(None));
                } else {
                    told.extend(by.into_iter().map(|view| of(Some(view))));
                }
            }
        }
        told
    }
}

impl Refused {
    /// The form of a report.
    pub(super) fn told(&self) -> ToldRefusal {
        ToldRefusal {
            record: self.record,
            code: self.code.to_owned(),
            message: self.message.clone(),
            view: self.view.clone(),
        }
    }

    /// The form of a dead-letter file.
    pub(super) fn letter(&self, source: &str) -> DeadLetter {
        let digest = hex(&Sha256::digest(&self.bytes));
        DeadLetter {
            id: DeadLetterId::Pushed {
                source: source.to_owned(),
                record: self.record,
                digest: digest.chars().take(16).collect(),
                view: self.view.clone().unwrap_or_else(|| "*".to_owned()),
            },
            code: self.code.to_owned(),
            reason: self.message.clone(),
            arrival: None,
            payload: Payload::of(&self.bytes),
        }
    }
}

/// How many records these refusals are of.
pub(super) fn count(refused: &[Refused]) -> u64 {
    refused.iter().map(|refused| refused.record).collect::<BTreeSet<_>>().len() as u64
}
