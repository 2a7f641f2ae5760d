//! Tables that are read on a terminal and in Markdown alike.

/// A table with a header; columns of numbers stand to the right.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(header: &[&str]) -> Self {
        Self { header: header.iter().map(|cell| (*cell).to_owned()).collect(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The table as Markdown, its columns aligned.
    pub(crate) fn markdown(&self) -> String {
        let width = |column: usize| {
            let cells = std::iter::once(&self.header).chain(&self.rows).filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0).max(3)
        };
        let widths: Vec<usize> = (0..self.header.len()).map(width).collect();
        let texts: Vec<bool> = (0..self.header.len()).map(|column| self.is_text(column)).collect();
        let columns = || widths.iter().copied().zip(texts.iter().copied());
        let line = |row: &[String]| {
            let cells = columns().enumerate().map(|(column, (width, is_text))| {
                let cell = row.get(column).map_or("", String::as_str);
                if is_text { format!(" {cell:<width$} ") } else { format!(" {cell:>width$} ") }
            });
            format!("|{}|\n", cells.collect::<Vec<_>>().join("|"))
        };
        let rule = columns().map(|(width, is_text)| {
            let dashes = "-".repeat(width.saturating_add(1));
            if is_text { format!("-{dashes}") } else { format!("{dashes}:") }
        });
        let rule = format!("|{}|\n", rule.collect::<Vec<_>>().join("|"));
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        format!("{}{rule}{rows}", line(&self.header))
    }

    /// Whether a cell of a column begins with a letter or a word in code; the first column is text in any case.
    fn is_text(&self, column: usize) -> bool {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        column == 0 || cells.into_iter().any(|cell| cell.starts_with(|first: char| first.is_alphabetic()))
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&["workload", "µs"]);
        table.row(vec!["W1".to_owned(), "12,345".to_owned()]);
        table.row(vec!["W2".to_owned()]);
        let expected = "| workload |     µs |\n|----------|-------:|\n| W1       | 12,345 |\n| W2       |        |\n";
        assert_eq!(table.markdown(), expected);
    }
}
