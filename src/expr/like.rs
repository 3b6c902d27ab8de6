//! Patterns of `like`: `%` is any run, `_` one character, a backslash takes the next character literally.

#[derive(Debug, Clone, PartialEq)]
pub enum Pattern {
    Any,
    Exact(String),
    Prefix(String),
    Suffix(String),
    Contains(String),
    General(General),
}

/// Runs of characters with `%` between them.
#[derive(Debug, Clone, PartialEq)]
pub struct General {
    runs: Vec<Vec<Piece>>,
    /// Bytes that every match has at least.
    least_bytes: usize,
}

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(String),
    AnyChar,
}

impl Pattern {
    pub fn new(pattern: &str) -> Pattern {
        let mut runs: Vec<Vec<Piece>> = vec![Vec::new()];
        let mut chars = pattern.chars();
        while let Some(next) = chars.next() {
            let run = runs.last_mut();
            let literal = match next {
                '%' => {
                    runs.push(Vec::new());
                    continue;
                }
                '_' => {
                    run.into_iter().for_each(|run| run.push(Piece::AnyChar));
                    continue;
                }
                '\\' => chars.next().unwrap_or('\\'),
                literal => literal,
            };
            if let Some(run) = run {
                match run.last_mut() {
                    Some(Piece::Text(text)) => text.push(literal),
                    _ => run.push(Piece::Text(literal.to_string())),
                }
            }
        }
        // `%%` means `%`; only an empty run at either end has a meaning.
        let last = runs.len() - 1;
        let mut at = 0;
        runs.retain(|run| {
            at += 1;
            !run.is_empty() || at == 1 || at == last + 1
        });
        Pattern::from_runs(runs)
    }

    fn from_runs(runs: Vec<Vec<Piece>>) -> Pattern {
        fn text(run: &[Piece]) -> Option<String> {
            match run {
                [] => Some(String::new()),
                [Piece::Text(text)] => Some(text.clone()),
                _ => None,
            }
        }
        let texts: Option<Vec<String>> = runs.iter().map(|run| text(run)).collect();
        match texts.as_deref() {
            Some([exact]) => Pattern::Exact(exact.clone()),
            Some([prefix, suffix]) if prefix.is_empty() && suffix.is_empty() => Pattern::Any,
            Some([prefix, suffix]) if suffix.is_empty() => Pattern::Prefix(prefix.clone()),
            Some([prefix, suffix]) if prefix.is_empty() => Pattern::Suffix(suffix.clone()),
            Some([prefix, middle, suffix]) if prefix.is_empty() && suffix.is_empty() => {
                Pattern::Contains(middle.clone())
            }
            _ => {
                let pieces = runs.iter().flatten();
                let bytes = |piece: &Piece| if let Piece::Text(text) = piece { text.len() } else { 1 };
                Pattern::General(General { least_bytes: pieces.map(bytes).sum(), runs })
            }
        }
    }

    pub fn matches(&self, text: &str) -> bool {
        match self {
            Pattern::Any => true,
            Pattern::Exact(exact) => text == exact,
            Pattern::Prefix(prefix) => text.starts_with(prefix.as_str()),
            Pattern::Suffix(suffix) => text.ends_with(suffix.as_str()),
            Pattern::Contains(middle) => text.contains(middle.as_str()),
            Pattern::General(general) => general.matches(text),
        }
    }
}

impl General {
    fn matches(&self, text: &str) -> bool {
        if text.len() < self.least_bytes {
            return false;
        }
        let Some((first, others)) = self.runs.split_first() else { return text.is_empty() };
        let Some(mut rest) = strip_start(text, first) else { return false };
        let Some((last, middle)) = others.split_last() else { return rest.is_empty() };
        // The earliest place of a run leaves the most for the runs after it, so no place is ever tried again.
        for run in middle {
            match after_earliest(rest, run) {
                Some(after) => rest = after,
                None => return false,
            }
        }
        strip_end(rest, last).is_some()
    }
}

/// What follows the first place where the run matches.
fn after_earliest<'a>(mut text: &'a str, run: &[Piece]) -> Option<&'a str> {
    loop {
        if let Some(Piece::Text(wanted)) = run.first() {
            text = &text[text.find(wanted.as_str())?..];
        }
        if let Some(after) = strip_start(text, run) {
            return Some(after);
        }
        let mut chars = text.chars();
        chars.next()?;
        text = chars.as_str();
    }
}

fn strip_start<'a>(mut text: &'a str, run: &[Piece]) -> Option<&'a str> {
    for piece in run {
        text = match piece {
            Piece::Text(wanted) => text.strip_prefix(wanted.as_str())?,
            Piece::AnyChar => {
                let mut chars = text.chars();
                chars.next()?;
                chars.as_str()
            }
        };
    }
    Some(text)
}

fn strip_end<'a>(mut text: &'a str, run: &[Piece]) -> Option<&'a str> {
    for piece in run.iter().rev() {
        text = match piece {
            Piece::Text(wanted) => text.strip_suffix(wanted.as_str())?,
            Piece::AnyChar => {
                let mut chars = text.chars();
                chars.next_back()?;
                chars.as_str()
            }
        };
    }
    Some(text)
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn simple_patterns_take_the_fast_paths() {
        assert_eq!(Pattern::new("%%"), Pattern::Any);
        assert_eq!(Pattern::new(""), Pattern::Exact("".into()));
        assert_eq!(Pattern::new("a\\%b"), Pattern::Exact("a%b".into()));
        assert_eq!(Pattern::new("ab%"), Pattern::Prefix("ab".into()));
        assert_eq!(Pattern::new("%ab"), Pattern::Suffix("ab".into()));
        assert_eq!(Pattern::new("%%ab%"), Pattern::Contains("ab".into()));
    }

    /// The textbook definition, by trying everything.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('%', rest)) => (0..=text.len()).any(|skip| naive(rest, &text[skip..])),
            Some(('_', rest)) => text.split_first().is_some_and(|(_, text)| naive(rest, text)),
            Some(('\\', [literal, rest @ ..])) => text.first() == Some(literal) && naive(rest, &text[1..]),
            Some((literal, rest)) => text.first() == Some(literal) && naive(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab%_\\\\é]{0,8}", text in "[ab%_\\\\é]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(Pattern::new(&pattern).matches(&text), naive(&chars(&pattern), &chars(&text)));
        }
    }
}
