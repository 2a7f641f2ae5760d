//! The recursive descent parser.
//!
//! `not` binds closer than `and`, which binds closer than `or`. Depth, nodes and bytes are checked
//! before descending, so that no input can exhaust the stack.

use scim_schema::{AttrPath, validate::Leniency};

use crate::{
    ast::{CompareOp, Filter, ValuePath},
    error::{FilterError, excerpt},
    lexer::{Lexer, Span, Token, found, is_blank},
    limits::Limits,
};

/// What the parser accepts beyond the RFC; the default is the RFC alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Leniencies {
    /// `emails[type eq "work"].value eq "x"`, read as `emails[type eq "work" and value eq "x"]`.
    pub sub_attribute_after_brackets: Leniency,
    /// Unquoted and single-quoted values, an unescaped inner quote where the last quote ends the
    /// string.
    pub loose_values: Leniency,
    /// In a PATCH path: a leading `/` and outer blanks.
    pub loose_paths: Leniency,
}

/// No setting can make the parser descend further than this.
const DEEPEST: usize = 256;

/// Parses a filter: `FILTER` of RFC 7644 §3.4.2.2, Figure 1.
pub(crate) fn filter(text: &str, limits: &Limits, leniencies: Leniencies) -> Result<Filter, FilterError> {
    let mut parser = Parser::new(text, 0..text.len(), "filter", limits, leniencies)?;
    let filter = parser.or_expression()?;
    match parser.lexer.next() {
        (Token::End, _) => Ok(filter),
        (Token::Close, span) => Err(parser.fault(span, "this ')' closes no '('")),
        (Token::CloseBracket, span) => Err(parser.fault(span, "this ']' closes no '['")),
        (_, span) => Err(parser.fault(span, "expected 'and', 'or' or the end of the filter")),
    }
}

/// Parses a PATCH path: `PATH` of RFC 7644 §3.5.2, Figure 7.
pub(crate) fn value_path(text: &str, limits: &Limits, leniencies: Leniencies) -> Result<ValuePath, FilterError> {
    let mut start = 0;
    let mut end = text.len();
    if leniencies.loose_paths.accepts() {
        end = text.trim_end_matches(is_blank).len();
        let trimmed = text.trim_start_matches(is_blank);
        start = text.len().saturating_sub(trimmed.strip_prefix('/').unwrap_or(trimmed).len()).min(end);
    }
    let mut parser = Parser::new(text, start..end, "path", limits, leniencies)?;
    if text.get(start..end).is_some_and(|path| path.starts_with('/')) {
        let reason = "a path does not start with '/': write the attribute's name, such as name.familyName";
        return Err(parser.fault(start..start.saturating_add(1), reason));
    }
    if text.get(start..end).is_some_and(|path| path.starts_with(is_blank)) {
        return Err(parser.fault(start..start.saturating_add(1), "a path does not start with a blank: take it away"));
    }
    let (path, span) = match parser.lexer.next() {
        (Token::Word(word), span) => (parser.attr_path(word, span.clone())?, span),
        (Token::End, span) => return Err(parser.fault(span, "the path is empty")),
        (token, span) => {
            let reason = format!("expected an attribute name, found {}", found(token));
            return Err(parser.fault(span, reason));
        }
    };
    let mut value_path = ValuePath { path, filter: None, sub: None };
    if parser.lexer.peek().0 == Token::OpenBracket {
        value_path.filter = Some(parser.brackets(&value_path.path, &span)?);
        if let Some((sub, _)) = parser.sub_after_brackets()? {
            value_path.sub = Some(sub);
        }
    }
    let behind = parser.lexer.position();
    match parser.lexer.next() {
        (Token::End, _) if behind == end => Ok(value_path),
        (Token::End, _) => Err(parser.fault(behind..end, "a path does not end with a blank: take it away")),
        (_, span) => Err(parser.fault(span, "expected the end of the path")),
    }
}

struct Parser<'t> {
    text: &'t str,
    lexer: Lexer<'t>,
    /// What is read, for error sentences: `filter` or `path`.
    subject: &'static str,
    limits: Limits,
    leniencies: Leniencies,
    depth: usize,
    nodes: usize,
    in_brackets: bool,
}

impl<'t> Parser<'t> {
    fn new(
        text: &'t str,
        range: Span,
        subject: &'static str,
        limits: &Limits,
        leniencies: Leniencies,
    ) -> Result<Self, FilterError> {
        if text.len() > limits.max_bytes {
            let reason =
                format!("the {subject} is {} bytes long, and at most {} are accepted", text.len(), limits.max_bytes);
            return Err(FilterError::new(text, 0..text.len(), reason));
        }
        Ok(Self {
            text,
            lexer: Lexer::new(text, range),
            subject,
            limits: *limits,
            leniencies,
            depth: 0,
            nodes: 0,
            in_brackets: false,
        })
    }

    fn or_expression(&mut self) -> Result<Filter, FilterError> {
        let first = self.and_expression()?;
        let mut terms = Vec::new();
        while self.lexer.peek().0.is_word("or") {
            let (_, span) = self.lexer.next();
            self.count_node(span)?;
            terms.push(self.and_expression()?);
        }
        Ok(joined(first, terms, Filter::Or))
    }

    fn and_expression(&mut self) -> Result<Filter, FilterError> {
        let first = self.unary()?;
        let mut terms = Vec::new();
        while self.lexer.peek().0.is_word("and") {
            let (_, span) = self.lexer.next();
            self.count_node(span)?;
            terms.push(self.unary()?);
        }
        Ok(joined(first, terms, Filter::And))
    }

    /// A group, a negated group, or a term.
    fn unary(&mut self) -> Result<Filter, FilterError> {
        let (token, span) = self.lexer.next();
        match token {
            Token::Open => self.group(span),
            Token::Word(_) if token.is_word("not") && self.lexer.peek().0 == Token::Open => {
                self.count_node(span)?;
                let (_, open) = self.lexer.next();
                Ok(Filter::Not(Box::new(self.group(open)?)))
            }
            Token::Word(word) => self.term(word, span),
            Token::Quote => Err(self.fault(span, "expected an attribute name; names stand without quotes")),
            Token::End if span.start == 0 || self.text.trim_matches(is_blank).is_empty() => {
                Err(self.fault(span, format!("the {} is empty", self.subject)))
            }
            _ => {
                let reason = format!("expected an attribute name, 'not' or '(', found {}", found(token));
                Err(self.fault(span, reason))
            }
        }
    }

    /// The rest of a group whose `(` was read.
    fn group(&mut self, open: Span) -> Result<Filter, FilterError> {
        self.descend(open.clone())?;
        let inner = self.or_expression()?;
        self.ascend();
        match self.lexer.next() {
            (Token::Close, _) => Ok(inner),
            (Token::End, _) => Err(self.fault(open, "this '(' is not closed by a ')'")),
            (_, span) => Err(self.fault(span, "expected 'and', 'or' or ')'")),
        }
    }

    /// The rest of a term whose attribute path was read.
    fn term(&mut self, word: &str, span: Span) -> Result<Filter, FilterError> {
        let (next, next_span) = self.lexer.peek();
        let operator_follows = match next {
            Token::Word(next) => operator(next).is_some(),
            Token::OpenBracket => true,
            _ => false,
        };
        if !operator_follows {
            // An attribute may have the name of a key word, but then an operator follows it.
            if word.eq_ignore_ascii_case("not") {
                return Err(self.fault(next_span, "expected '(' after 'not'"));
            }
            if word.eq_ignore_ascii_case("and") || word.eq_ignore_ascii_case("or") {
                let reason = format!("expected an attribute name, 'not' or '(' before '{word}'");
                return Err(self.fault(span, reason));
            }
        }
        let path = self.attr_path(word, span.clone())?;
        if next == Token::OpenBracket {
            let mut inner = self.brackets(&path, &span)?;
            if let Some((sub, sub_span)) = self.sub_after_brackets()? {
                if !self.leniencies.sub_attribute_after_brackets.accepts() {
                    let reason = "a filter ends at ']': write the comparison inside the brackets, \
                                  as in emails[type eq \"work\" and value eq \"…\"]";
                    return Err(self.fault(sub_span, reason));
                }
                self.count_node(sub_span)?;
                let term = self.comparison(AttrPath::plain(&sub, None))?;
                inner = match inner {
                    Filter::And(mut terms) => {
                        terms.push(term);
                        Filter::And(terms)
                    }
                    other => Filter::And(vec![other, term]),
                };
            }
            return Ok(Filter::Element(path, Box::new(inner)));
        }
        self.comparison(path)
    }

    /// The operator and value behind a path.
    fn comparison(&mut self, path: AttrPath) -> Result<Filter, FilterError> {
        const OPERATORS: &str = "eq, ne, co, sw, ew, gt, ge, lt, le or pr";
        let (token, span) = self.lexer.next();
        let Token::Word(word) = token else {
            let reason = format!("expected an operator after '{}': {OPERATORS}", excerpt(&path.to_string()));
            return Err(self.fault(span, reason));
        };
        self.count_node(span.clone())?;
        match operator(word) {
            None => {
                let reason = format!("the operator '{}' is not supported: use {OPERATORS}", excerpt(word));
                Err(self.fault(span, reason))
            }
            Some(Operator::Present) => Ok(Filter::Present(path)),
            Some(Operator::Compare(op)) => {
                let value = self.lexer.value(self.leniencies.loose_values)?;
                Ok(Filter::Compare(path, op, value))
            }
        }
    }

    /// The brackets behind a path, with the filter inside them.
    fn brackets(&mut self, path: &AttrPath, path_span: &Span) -> Result<Filter, FilterError> {
        let (_, open) = self.lexer.next();
        if self.in_brackets {
            return Err(self.fault(open, "brackets cannot stand inside brackets"));
        }
        if path.sub().is_some() {
            let reason = "brackets stand behind an attribute, not behind a sub-attribute: \
                          write it inside them, as in emails[value eq \"…\"]";
            return Err(self.fault(path_span.clone(), reason));
        }
        self.count_node(open.clone())?;
        self.descend(open.clone())?;
        self.in_brackets = true;
        let inner = self.or_expression()?;
        self.in_brackets = false;
        self.ascend();
        match self.lexer.next() {
            (Token::CloseBracket, _) => Ok(inner),
            (Token::End, _) => Err(self.fault(open, "this '[' is not closed by a ']'")),
            (_, span) => Err(self.fault(span, "expected 'and', 'or' or ']'")),
        }
    }

    /// `.sub` directly behind brackets.
    fn sub_after_brackets(&mut self) -> Result<Option<(String, Span)>, FilterError> {
        let behind = self.lexer.position();
        let (Token::Word(word), span) = self.lexer.peek() else {
            return Ok(None);
        };
        let Some(name) = word.strip_prefix('.') else {
            return Ok(None);
        };
        if span.start != behind {
            return Ok(None);
        }
        self.lexer.next();
        match AttrPath::parse(name) {
            Ok(sub) if sub.urn().is_none() && sub.sub().is_none() => Ok(Some((name.to_owned(), span))),
            _ => Err(self.fault(span, "expected the name of one sub-attribute after the dot")),
        }
    }

    fn attr_path(&self, word: &str, span: Span) -> Result<AttrPath, FilterError> {
        AttrPath::parse(word).map_err(|error| {
            let start = span.start.saturating_add(error.offset).min(span.end);
            self.fault(start..span.end, format!("'{}' is no attribute: {error}", excerpt(word)))
        })
    }

    fn count_node(&mut self, span: Span) -> Result<(), FilterError> {
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes > self.limits.max_nodes {
            let reason = format!(
                "the {} has more than {} terms and operators: ask in several smaller ones",
                self.subject, self.limits.max_nodes
            );
            return Err(self.fault(span, reason));
        }
        Ok(())
    }

    fn descend(&mut self, span: Span) -> Result<(), FilterError> {
        let deepest = self.limits.max_depth.min(DEEPEST);
        if self.depth >= deepest {
            let reason = format!("the {} is nested more than {deepest} deep", self.subject);
            return Err(self.fault(span, reason));
        }
        self.depth = self.depth.saturating_add(1);
        Ok(())
    }

    fn ascend(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn fault(&self, span: Span, reason: impl Into<String>) -> FilterError {
        FilterError::new(self.text, span, reason)
    }
}

enum Operator {
    Present,
    Compare(CompareOp),
}

fn operator(word: &str) -> Option<Operator> {
    if word.eq_ignore_ascii_case("pr") {
        return Some(Operator::Present);
    }
    CompareOp::parse(word).map(Operator::Compare)
}

fn joined(first: Filter, mut rest: Vec<Filter>, join: fn(Vec<Filter>) -> Filter) -> Filter {
    if rest.is_empty() {
        return first;
    }
    rest.insert(0, first);
    join(rest)
}
