//! Curves as SVG, written by hand: a logarithmic axis of sizes, and lines that are told apart in light
//! and in dark.

use std::fmt::Write as _;

use super::statistics::grouped;

/// A curve: its name and its points, size and value.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// What is drawn.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    pub(crate) title: String,
    /// What the sizes are, and what the values are.
    pub(crate) across: String,
    pub(crate) upwards: String,
    pub(crate) curves: Vec<Curve>,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 96.0;
const TOP: f64 = 48.0;
const BOTTOM: f64 = 52.0;

/// Colours of lines, apart from each other for eyes that see red and green alike, and readable on
/// white and on black.
const COLOURS: [&str; 6] = ["#3b82c4", "#d9802b", "#2f9e77", "#b0598f", "#8a7fd1", "#a08a2d"];

/// Texts and lines take the reader's colours: an image in a page is told whether it is dark.
const STYLE: &str = "<style>\
     text{font:13px system-ui,sans-serif;fill:#24292f}\
     .title{font-size:15px;font-weight:600}\
     .faint{stroke:#d0d7de;stroke-width:1}\
     @media(prefers-color-scheme:dark){text{fill:#d7dce2}.faint{stroke:#3d444d}}\
     </style>";

impl Plot {
    /// The image; nothing if there is no curve with a point.
    pub(crate) fn svg(&self) -> Option<String> {
        let points = || self.curves.iter().flat_map(|curve| &curve.points);
        let sizes = Range::of(points().map(|(size, _)| size.log10()))?;
        let most = points().map(|(_, value)| *value).fold(0.0, f64::max);
        let step = nice_step(most);
        let top = (most / step).ceil().max(1.0) * step;
        let x = |size: f64| LEFT + sizes.part(size.log10()) * (WIDTH - LEFT - RIGHT);
        let y = |value: f64| HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM);
        let mut svg = String::new();
        // Writing to a String cannot fail.
        let _ = write!(
            svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n\
             <title>{title}</title>\n{STYLE}\n\
             <text class=\"title\" x=\"{LEFT}\" y=\"24\">{title}</text>\n\
             <text x=\"{LEFT}\" y=\"{}\">{}</text>\n",
            HEIGHT - 10.0,
            escaped(&format!("{}, upwards {}", self.across, self.upwards)),
            title = escaped(&self.title),
        );
        let mut value = 0.0;
        while value <= top + step / 2.0 {
            let (at, text) = (y(value), label(value));
            let _ = write!(
                svg,
                "<line class=\"faint\" x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{:.1}\" y2=\"{at:.1}\"/>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>\n",
                WIDTH - RIGHT,
                LEFT - 8.0,
                at + 4.0
            );
            value += step;
        }
        for size in self.sizes() {
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                x(size),
                HEIGHT - BOTTOM + 18.0,
                grouped(size)
            );
        }
        let labels = apart(
            &self
                .curves
                .iter()
                .map(|curve| curve.points.last().map_or(0.0, |(_, value)| y(*value)))
                .collect::<Vec<_>>(),
        );
        for ((curve, colour), label_y) in self.curves.iter().zip(COLOURS.iter().cycle()).zip(labels) {
            let line: Vec<String> =
                curve.points.iter().map(|(size, value)| format!("{:.1},{:.1}", x(*size), y(*value))).collect();
            let _ = writeln!(
                svg,
                "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-linejoin=\"round\" points=\"{}\"/>",
                line.join(" ")
            );
            for (size, value) in &curve.points {
                let _ =
                    writeln!(svg, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>", x(*size), y(*value));
            }
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" style=\"fill:{colour}\">{}</text>",
                WIDTH - RIGHT + 10.0,
                label_y + 4.0,
                escaped(&curve.name)
            );
        }
        svg.push_str("</svg>\n");
        Some(svg)
    }

    /// Every size at which there is a point.
    fn sizes(&self) -> Vec<f64> {
        let mut sizes: Vec<f64> = self.curves.iter().flat_map(|curve| &curve.points).map(|(size, _)| *size).collect();
        sizes.sort_by(f64::total_cmp);
        sizes.dedup();
        sizes
    }
}

/// From the least to the most.
#[derive(Clone, Copy)]
struct Range {
    least: f64,
    most: f64,
}

impl Range {
    fn of(numbers: impl Iterator<Item = f64>) -> Option<Self> {
        numbers.fold(None, |range: Option<Self>, number| {
            let Self { least, most } = range.unwrap_or(Self { least: number, most: number });
            Some(Self { least: least.min(number), most: most.max(number) })
        })
    }

    /// Where a number lies, from 0 to 1; in the middle if all are one.
    fn part(self, number: f64) -> f64 {
        let span = self.most - self.least;
        if span > 0.0 { (number - self.least) / span } else { 0.5 }
    }
}

/// A step of the axis such that there are about five: 1, 2 or 5 times a power of ten.
fn nice_step(most: f64) -> f64 {
    let rough = if most > 0.0 { most / 5.0 } else { 0.2 };
    let power = 10_f64.powf(rough.log10().floor());
    let of = rough / power;
    let nice = if of <= 1.0 {
        1.0
    } else if of <= 2.0 {
        2.0
    } else if of <= 5.0 {
        5.0
    } else {
        10.0
    };
    nice * power
}

/// A value of the axis.
fn label(value: f64) -> String {
    if value >= 1000.0 {
        return grouped(value);
    }
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Moves labels apart that would lie on one another, the upper ones staying above.
fn apart(places: &[f64]) -> Vec<f64> {
    const LINE: f64 = 15.0;
    let mut order: Vec<(usize, f64)> = places.iter().copied().enumerate().collect();
    // From the lowest up: each is lifted as far as it has to be.
    order.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let mut moved: Vec<(usize, f64)> = Vec::new();
    for (index, place) in order {
        let below = moved.last().map_or(f64::INFINITY, |(_, below)| *below);
        moved.push((index, place.min(below - LINE)));
    }
    moved.sort_by_key(|(index, _)| *index);
    moved.into_iter().map(|(_, place)| place).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::{Curve, Plot, apart, label, nice_step};

    fn plot(points: &[(f64, f64)]) -> Plot {
        let curve = Curve { name: "W1 & W2".to_owned(), points: points.to_vec() };
        let text = |text: &str| text.to_owned();
        Plot { title: text("Growth"), across: text("users"), upwards: text("ms"), curves: vec![curve] }
    }

    #[test]
    fn sizes_lie_evenly_on_a_logarithmic_axis() {
        let svg = plot(&[(1_000.0, 1.0), (10_000.0, 1.0), (100_000.0, 2.0)]).svg().unwrap();
        assert!(svg.contains("points=\"64.0,198.0 344.0,198.0 624.0,48.0\""), "{svg}");
        assert!(svg.contains(">100,000</text>") && svg.contains("W1 &amp; W2"), "{svg}");
    }

    #[test]
    fn an_image_without_points_is_none() {
        assert_eq!(plot(&[]).svg(), None);
        assert!(plot(&[(5.0, 0.0)]).svg().is_some());
    }

    #[test]
    fn steps_of_the_axis_are_round() {
        let steps: Vec<String> = [0.9, 4.0, 47.0, 12_000.0].map(|most| label(nice_step(most))).into();
        assert_eq!(steps, ["0.2", "1", "10", "5,000"]);
    }

    #[test]
    fn labels_do_not_lie_on_one_another() {
        assert_eq!(apart(&[100.0, 101.0, 20.0]), [86.0, 101.0, 20.0]);
    }
}
