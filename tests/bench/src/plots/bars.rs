//! Grouped bars as SVG: a bar is a median, with a line from the smallest to the largest of the rounds.
//!
//! The picture has no background; its text follows the reader's colour scheme.

use std::fmt::Write as _;

use anyhow::Result;

use crate::report::decimals;
use crate::stats::Summary;

/// What is drawn.
pub(super) struct Chart {
    /// What the bars mean, with its unit.
    pub(super) title: String,
    /// What the names of the groups mean.
    pub(super) below: String,
    /// The name of each group.
    pub(super) groups: Vec<String>,
    /// Bars of one colour, one for each group.
    pub(super) series: Vec<Series>,
}

/// Bars of one colour.
pub(super) struct Series {
    /// What the legend says.
    pub(super) name: String,
    /// As SVG writes it.
    pub(super) colour: &'static str,
    /// One for each group.
    pub(super) bars: Vec<Option<Summary>>,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 56.0;
const TOP: f64 = 84.0;
/// Where bars stand.
const BASE: f64 = HEIGHT - 56.0;
/// The share of a group's width that its bars take.
const FILLED: f64 = 0.8;
const TICKS: f64 = 5.0;
const STYLE: &str = "<style>text{font:13px system-ui,sans-serif;fill:#24292f}.title{font-size:15px;font-weight:600}\
    .value{font-size:11px}.grid{stroke:#8c959f;stroke-opacity:.35}.spread{stroke:#24292f}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}.spread{stroke:#e6edf3}}</style>";

/// The picture.
pub(super) fn draw(chart: &Chart) -> Result<String> {
    let bars = chart.series.iter().flat_map(|series| series.bars.iter().flatten());
    let scale = Scale::up_to(bars.map(|bar| bar.max).fold(0.0, f64::max));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n\
         <title>{0}</title>\n{STYLE}\n<text class=\"title\" x=\"16\" y=\"28\">{0}</text>\n",
        chart.title
    );
    legend(&mut out, chart)?;
    for tick in scale.ticks() {
        let (y, label) = (scale.y(tick), scale.label(tick));
        writeln!(out, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{WIDTH}\"/>")?;
        writeln!(out, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>", LEFT - 8.0, y + 4.0)?;
    }
    let room = (WIDTH - LEFT) / chart.groups.len() as f64;
    for (index, name) in chart.groups.iter().enumerate() {
        let begin = LEFT + room * index as f64;
        text(&mut out, begin + room / 2.0, BASE + 20.0, name)?;
        let width = room * FILLED / chart.series.len() as f64;
        for (place, series) in chart.series.iter().enumerate() {
            let x = begin + room * (1.0 - FILLED) / 2.0 + width * place as f64;
            if let Some(measured) = series.bars.get(index).copied().flatten() {
                bar(&mut out, &scale, x, width, series.colour, measured)?;
            }
        }
    }
    text(&mut out, f64::midpoint(LEFT, WIDTH), HEIGHT - 12.0, &chart.below)?;
    out.push_str("</svg>\n");
    Ok(out)
}

fn legend(out: &mut String, chart: &Chart) -> Result<()> {
    for (place, series) in chart.series.iter().enumerate() {
        let (x, colour) = (16.0 + 130.0 * place as f64, series.colour);
        writeln!(out, "<rect x=\"{x}\" y=\"42\" width=\"12\" height=\"12\" fill=\"{colour}\"/>")?;
        writeln!(out, "<text x=\"{}\" y=\"53\">{}</text>", x + 18.0, series.name)?;
    }
    Ok(())
}

fn text(out: &mut String, x: f64, y: f64, text: &str) -> Result<()> {
    Ok(writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{text}</text>")?)
}

fn bar(out: &mut String, scale: &Scale, x: f64, width: f64, colour: &str, measured: Summary) -> Result<()> {
    let Summary { median, min, max } = measured;
    let (top, low, high, middle) = (scale.y(median), scale.y(min), scale.y(max), x + width / 2.0);
    let (width, height, decimals) = (width - 2.0, BASE - top, decimals(median));
    writeln!(
        out,
        "<rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\"/>\n\
         <path class=\"spread\" d=\"M{middle:.1} {low:.1}V{high:.1}\"/>\n\
         <text class=\"value\" x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{median:.decimals$}</text>",
        high - 4.0
    )?;
    Ok(())
}

/// From zero to a round number, in round steps.
struct Scale {
    step: f64,
    top: f64,
}

impl Scale {
    fn up_to(largest: f64) -> Self {
        let rough = largest.max(f64::MIN_POSITIVE) / TICKS;
        let power = 10_f64.powf(rough.log10().floor());
        let round = [1.0, 2.0, 5.0].into_iter().find(|digit| rough <= digit * power).unwrap_or(10.0);
        let step = round * power;
        Self { step, top: (largest / step).ceil().max(1.0) * step }
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let (step, top) = (self.step, self.top);
        (0_u8..).map(move |count| f64::from(count) * step).take_while(move |tick| *tick <= top + step / 2.0)
    }

    /// With the decimals that tell one step from the next.
    fn label(&self, tick: f64) -> String {
        let decimals = match self.step {
            whole if whole >= 1.0 => 0,
            tenths if tenths >= 0.1 => 1,
            hundredths if hundredths >= 0.01 => 2,
            _thousandths => 3,
        };
        format!("{tick:.decimals$}")
    }

    fn y(&self, value: f64) -> f64 {
        BASE - value / self.top * (BASE - TOP)
    }
}

#[cfg(test)]
mod tests {
    use super::{BASE, Chart, Scale, Series, Summary, TOP, draw};

    #[test]
    fn a_scale_has_few_round_steps_and_room_for_the_largest() {
        for (largest, step, top, label) in [
            (1.0, 0.2, 1.0, "1.0"),
            (4.1, 1.0, 5.0, "5"),
            (0.017, 0.005, 0.02, "0.020"),
            (740.0, 200.0, 800.0, "800"),
        ] {
            let scale = Scale::up_to(largest);
            assert!((scale.step - step).abs() < step / 1e6, "{largest}: steps of {}", scale.step);
            assert!((scale.top - top).abs() < top / 1e6, "{largest}: up to {}", scale.top);
            assert_eq!(scale.label(scale.top), label, "{largest}");
            assert!((2..=7).contains(&scale.ticks().count()), "{largest}");
            assert!((scale.y(0.0) - BASE).abs() + (scale.y(scale.top) - TOP).abs() < 1e-6, "{largest}");
        }
    }

    #[test]
    fn what_was_not_measured_has_no_bar() {
        let bar = Summary { median: 1.25, min: 1.0, max: 2.0 };
        let series = |name: &str, bars| Series { name: name.to_owned(), colour: "#388bfd", bars };
        let chart = Chart {
            title: "seconds".to_owned(),
            below: "connections".to_owned(),
            groups: vec!["16".to_owned(), "900".to_owned()],
            series: vec![
                series("floor", vec![Some(bar), None]),
                series("sockgate", vec![Some(bar), Some(bar)]),
            ],
        };
        let svg = draw(&chart).unwrap();
        assert_eq!(svg.matches("class=\"spread\"").count(), 3, "{svg}");
        let shown = [">seconds<", ">connections<", ">16<", ">900<", ">floor<", ">1.25<"];
        assert!(shown.iter().all(|text| svg.contains(text)), "{svg}");
    }
}
