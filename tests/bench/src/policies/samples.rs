//! The figures of a run, one value a round.

use serde::Serialize;

use crate::stats::{Summary, summary};

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Figure {
    /// CPU time of the gateway a request, in microseconds.
    CpuMicros,
    /// Requests a second.
    Rate,
    /// Median time of a request, in ms.
    P50,
    /// The time that 99 of 100 do not exceed, in ms.
    P99,
    /// Median time of the requests beside which others were measured, in ms.
    OthersP50,
    /// The time that 99 of 100 of these do not exceed, in ms.
    OthersP99,
    /// From exec to the first byte of a 200 answer, with an empty cache of compiled code, in ms.
    ColdStart,
    /// The same with a full one.
    WarmStart,
    /// Resident memory after the first answer, in MiB.
    RssIdle,
    /// Resident memory after all loads, in MiB.
    RssLoaded,
}

/// All figures.
#[derive(Debug, Default, Serialize)]
pub(super) struct Samples(Vec<Cell>);

#[derive(Debug, Serialize)]
struct Cell {
    row: String,
    asked: String,
    figure: Figure,
    rounds: Vec<f64>,
}

impl Samples {
    /// Notes one round's figure of a row; `asked` is empty for what is no request's.
    pub(super) fn add(&mut self, row: &str, asked: &str, figure: Figure, value: f64) {
        match self.0.iter_mut().find(|cell| cell.is(row, asked, figure)) {
            Some(cell) => cell.rounds.push(value),
            None => self.0.push(Cell {
                row: row.to_owned(),
                asked: asked.to_owned(),
                figure,
                rounds: vec![value],
            }),
        }
    }

    /// The rounds of a figure; none if it was not measured.
    pub(super) fn rounds(&self, row: &str, asked: &str, figure: Figure) -> &[f64] {
        self.0.iter().find(|cell| cell.is(row, asked, figure)).map_or(&[], |cell| &cell.rounds)
    }

    /// The figure itself.
    pub(super) fn of(&self, row: &str, asked: &str, figure: Figure) -> Option<Summary> {
        summary(self.rounds(row, asked, figure))
    }

    /// A row's figure and another row's in the same round, put together by `with`.
    pub(super) fn against(
        &self,
        (row, other): (&str, &str),
        asked: &str,
        figure: Figure,
        with: impl Fn(f64, f64) -> f64,
    ) -> Option<Summary> {
        let rounds = self.rounds(row, asked, figure).iter().zip(self.rounds(other, asked, figure));
        summary(&rounds.map(|(own, others)| with(*own, *others)).collect::<Vec<_>>())
    }
}

impl Cell {
    fn is(&self, row: &str, asked: &str, figure: Figure) -> bool {
        (self.row.as_str(), self.asked.as_str(), self.figure) == (row, asked, figure)
    }
}
