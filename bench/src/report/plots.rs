//! Plots as SVG, readable on light and dark backgrounds: they have no background of their own, text has the colour of the
//! reader's colour scheme, and the colours of the lines have enough contrast with both.

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::outcome::Outcome;

/// A plot over values of x, which are placed at equal distances.
pub(super) struct Plot<'a> {
    pub(super) title: &'a str,
    pub(super) x: &'a str,
    pub(super) y: &'a str,
    /// The values of x, as they are shown.
    pub(super) at: Vec<String>,
    /// Whether y is logarithmic.
    pub(super) log_y: bool,
    pub(super) lines: Vec<Line>,
}

/// A line: its name, and for each value of x its y, if there is one.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) values: Vec<Option<f64>>,
}

const SIZE: (u32, u32) = (860, 420);
/// A placeholder for the colour of text, until the SVG is complete.
const INK: RGBColor = RGBColor(1, 2, 3);
const LINES: [RGBColor; 8] = [
    RGBColor(0x22, 0x7b, 0xe0),
    RGBColor(0xe0, 0x6c, 0x1f),
    RGBColor(0x1f, 0xa3, 0x6b),
    RGBColor(0xa8, 0x5b, 0xd6),
    RGBColor(0xd9, 0x3f, 0x55),
    RGBColor(0x9a, 0x8a, 0x14),
    RGBColor(0x1b, 0x9a, 0xaa),
    RGBColor(0x8a, 0x8f, 0x98),
];
/// The text that is replaced by `currentColor`.
const STYLE: &str = "<style>svg{color:#24292f}@media(prefers-color-scheme:dark){svg{color:#d8dee6}}</style>";

impl Plot<'_> {
    /// The text of the SVG.
    pub(super) fn draw(&self) -> Outcome<String> {
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
            self.draw_on(&area)?;
            area.present()?;
        }
        let svg = svg.replace("#010203", "currentColor");
        Ok(svg.replacen(">\n", &format!(">\n{STYLE}\n"), 1))
    }

    fn draw_on(&self, area: &DrawingArea<SVGBackend<'_>, Shift>) -> Outcome<()> {
        let text = |size: u32| ("sans-serif", size).into_font().color(&INK);
        let scale = |value: f64| if self.log_y { value.max(1e-3).log10() } else { value };
        let values = || self.lines.iter().flat_map(|line| line.values.iter().flatten().copied().map(scale));
        let top = values().fold(f64::MIN, f64::max);
        let (bottom, top) = if self.log_y {
            (values().fold(f64::MAX, f64::min).floor(), top.ceil())
        } else {
            (0.0, top * 1.08)
        };
        let last = self.at.len().saturating_sub(1) as f64;

        let mut chart = ChartBuilder::on(area)
            .caption(self.title, text(20))
            .margin(12)
            .margin_right(230)
            .x_label_area_size(48)
            .y_label_area_size(84)
            .build_cartesian_2d(-0.15..last + 0.15, bottom..top.max(bottom + 1e-9))?;
        let at = |x: &f64| {
            let place = x.round();
            let shown = (x - place).abs() < 1e-6 && place >= 0.0;
            self.at.get(place as usize).filter(|_| shown).cloned().unwrap_or_default()
        };
        let height = |y: &f64| {
            if !self.log_y {
                return super::tables::count(*y);
            }
            if (y - y.round()).abs() < 1e-6 { super::tables::count(10_f64.powf(*y)) } else { String::new() }
        };
        chart
            .configure_mesh()
            .axis_style(INK)
            .bold_line_style(INK.mix(0.15))
            .light_line_style(INK.mix(0.0))
            .label_style(text(14))
            .axis_desc_style(text(15))
            .x_desc(self.x)
            .y_desc(self.y)
            .x_labels(self.at.len().max(2) + 1)
            .x_label_formatter(&at)
            .y_label_formatter(&height)
            .draw()?;
        for (line, color) in self.lines.iter().zip(LINES.iter().cycle()) {
            let points: Vec<(f64, f64)> = line
                .values
                .iter()
                .enumerate()
                .filter_map(|(n, value)| Some((n as f64, scale((*value)?))))
                .collect();
            let style = color.stroke_width(3);
            chart.draw_series(points.iter().map(|&point| Circle::new(point, 4, color.filled())))?;
            chart.draw_series(LineSeries::new(points, style))?;
        }
        self.legend(area, &text(14))
    }

    /// The legend is on the right, so that it never covers a line.
    fn legend(&self, area: &DrawingArea<SVGBackend<'_>, Shift>, text: &TextStyle<'_>) -> Outcome<()> {
        let left = i32::try_from(SIZE.0)? - 220;
        for ((line, color), row) in self.lines.iter().zip(LINES.iter().cycle()).zip(0..) {
            let y = 56 + 24 * row;
            area.draw(&PathElement::new([(left, y), (left + 22, y)], color.stroke_width(3)))?;
            area.draw(&Text::new(line.name.clone(), (left + 30, y - 7), text.clone()))?;
        }
        Ok(())
    }
}
