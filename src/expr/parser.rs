//! Tokens to a bound filter, in one pass and without recursion: an operator stack, whose reductions call the binder.
//!
//! Milvus first parses and then visits the tree, operands before operators and left before right. Reductions come in that
//! same order, so the first thing that the binder refuses is what Milvus reports; but a syntax error comes before any of them.

use super::bind::{Binder, Operand};
use super::lexer::{Kind, Lexer, Operator, Token};
use super::value::{Value, brief};

/// Brackets, calls and prefix operators inside one another. A plan is evaluated recursively, on a stack of 1 MB.
const MAX_DEPTH: usize = 200;

/// What 2.3.5 lists where an operand is missing.
const EXPECTED_OPERAND: &str = "{'(', '[', EXISTS, '+', '-', '~', NOT, JSONContains, JSONContainsAll, JSONContainsAny, \
     ArrayContains, ArrayContainsAll, ArrayContainsAny, ArrayLength, BooleanConstant, IntegerConstant, FloatingConstant, \
     Identifier, StringLiteral, JSONIdentifier}";

enum Frame {
    Prefix { operator: Operator, start: usize },
    Binary { operator: Operator, negated: bool, token: Token },
    Range { lower: Operator, column: Operand, upper: Operator },
    Paren { start: usize },
    List { start: usize, values: Vec<Value> },
    Call { name: Token, arguments: Vec<Operand> },
}

struct Parser<'a, 'b> {
    text: &'a str,
    lexer: Lexer<'a>,
    token: Token,
    binder: &'b mut Binder<'a>,
    frames: Vec<Frame>,
    operands: Vec<Operand>,
    depth: usize,
}

/// The whole text as one operand; `Err` is the detail of a syntax error.
pub fn parse<'a>(text: &'a str, binder: &mut Binder<'a>) -> Result<Operand, String> {
    let mut lexer = Lexer::new(text);
    let token = lexer.next_token();
    let mut parser = Parser { text, lexer, token, binder, frames: Vec::new(), operands: Vec::new(), depth: 0 };
    parser.run()
}

/// Binds tighter the higher it is; the order of the alternatives in Plan.g4.
fn precedence(operator: Operator) -> u8 {
    use Operator::*;
    match operator {
        Exists => 18,
        Like => 17,
        RegexMatch | RegexNotMatch => 16,
        Power => 15,
        Not | BitNot => 14,
        Multiply | Divide | Modulo => 13,
        Add | Subtract => 12,
        ShiftLeft | ShiftRight => 11,
        In => 10,
        Less | LessEqual | Greater | GreaterEqual => 8,
        Equal | NotEqual => 7,
        BitAnd => 6,
        BitXor => 5,
        BitOr => 4,
        And => 3,
        Or => 2,
    }
}

const PREFIX_PRECEDENCE: u8 = 14;
const RANGE_PRECEDENCE: u8 = 9;

impl<'a> Parser<'a, '_> {
    fn run(&mut self) -> Result<Operand, String> {
        loop {
            self.operand()?;
            // Closing brackets complete an operand, so that several operators' places can follow one another.
            loop {
                if self.operator()? {
                    break;
                }
                if self.token.kind == Kind::End && self.frames.is_empty() {
                    return self.finish();
                }
            }
        }
    }

    fn finish(&mut self) -> Result<Operand, String> {
        if let Some((start, end)) = self.lexer.unrecognized() {
            let what = brief(&self.text[start..end]);
            return Err(format!("{} token recognition error at: '{what}'", self.position(start)));
        }
        self.operands.pop().ok_or_else(|| self.invalid())
    }

    fn advance(&mut self) -> Token {
        std::mem::replace(&mut self.token, self.lexer.next_token())
    }

    /// The kinds of the tokens after the current one.
    fn lookahead<const N: usize>(&self) -> [Kind; N] {
        let mut lexer = self.lexer.clone();
        std::array::from_fn(|_| lexer.next_token().kind)
    }

    fn slice(&self, token: Token) -> &'a str {
        &self.text[token.start..token.end]
    }

    fn described(&self, token: Token) -> std::borrow::Cow<'a, str> {
        if token.kind == Kind::End { "<EOF>".into() } else { brief(self.slice(token)) }
    }

    fn invalid(&self) -> String {
        format!("invalid expression: {}", brief(self.text))
    }

    fn position(&self, at: usize) -> String {
        let before = &self.text[..at];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        format!("line {line}:{}", before[line_start..].chars().count())
    }

    fn mismatch(&self, expected: &str) -> String {
        let found = self.described(self.token);
        format!("{} mismatched input '{found}' expecting {expected}", self.position(self.token.start))
    }

    /// The current token cannot start an operand.
    fn operand_expected(&self) -> String {
        let found = self.described(self.token);
        let position = self.position(self.token.start);
        if let Some(Frame::Binary { operator, token, .. }) = self.frames.last()
            && precedence(*operator) == precedence(Operator::Less)
        {
            return self.no_alternative(self.slice(*token));
        }
        let [next] = self.lookahead();
        let extraneous = self.token.kind != Kind::End && starts_operand(next);
        let what = if extraneous { "extraneous" } else { "mismatched" };
        format!("{position} {what} input '{found}' expecting {EXPECTED_OPERAND}")
    }

    /// Neither reading of what stands at `after` goes on with the current token.
    fn no_alternative(&self, after: &str) -> String {
        let found = if self.token.kind == Kind::End { "".into() } else { self.described(self.token) };
        format!("{} no viable alternative at input '{after}{found}'", self.position(self.token.start))
    }

    fn push(&mut self, frame: Frame) -> Result<(), String> {
        if matches!(frame, Frame::Prefix { .. } | Frame::Paren { .. } | Frame::List { .. } | Frame::Call { .. }) {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err(format!("expression is nested too deeply, the limit is {MAX_DEPTH} levels"));
            }
        }
        self.frames.push(frame);
        Ok(())
    }

    fn pop(&mut self) -> Option<Frame> {
        let frame = self.frames.pop();
        if matches!(frame, Some(Frame::Prefix { .. } | Frame::Paren { .. } | Frame::List { .. } | Frame::Call { .. })) {
            self.depth -= 1;
        }
        frame
    }

    /// Takes tokens up to and with one operand.
    fn operand(&mut self) -> Result<(), String> {
        loop {
            let token = self.token;
            match token.kind {
                Kind::Operator(
                    operator @ (Operator::Not
                    | Operator::BitNot
                    | Operator::Add
                    | Operator::Subtract
                    | Operator::Exists),
                ) => {
                    self.advance();
                    self.push(Frame::Prefix { operator, start: token.start })?;
                }
                Kind::OpenParen => {
                    self.advance();
                    self.push(Frame::Paren { start: token.start })?;
                }
                Kind::OpenBracket => {
                    self.advance();
                    if self.token.kind == Kind::CloseBracket {
                        let end = self.advance().end;
                        self.operands.push(Operand::value(Value::Array(Vec::new()), token.start, end));
                        return Ok(());
                    }
                    self.push(Frame::List { start: token.start, values: Vec::new() })?;
                }
                Kind::Identifier | Kind::Function if self.lookahead() == [Kind::OpenParen] => {
                    self.advance();
                    self.advance();
                    if self.token.kind == Kind::CloseParen {
                        let end = self.advance().end;
                        let operand = self.binder.call(self.slice(token), Vec::new(), token.start, end)?;
                        self.operands.push(operand);
                        return Ok(());
                    }
                    self.push(Frame::Call { name: token, arguments: Vec::new() })?;
                    self.skip_option_name(token);
                }
                _ => {
                    let operand = self.leaf(token)?;
                    self.operands.push(operand);
                    return Ok(());
                }
            }
        }
    }

    /// `name =` in front of an argument, for functions that have such.
    fn skip_option_name(&mut self, function: Token) {
        let of_columns = ["json_", "JSON_", "array_", "ARRAY_"];
        let has_options =
            function.kind == Kind::Function && !of_columns.iter().any(|begin| self.slice(function).starts_with(begin));
        if has_options && self.token.kind == Kind::Identifier && self.lookahead() == [Kind::Assign] {
            self.advance();
            self.advance();
        }
    }

    fn leaf(&mut self, token: Token) -> Result<Operand, String> {
        let slice = self.slice(token);
        Ok(match token.kind {
            Kind::Integer => {
                let negated = matches!(self.frames.last(), Some(Frame::Prefix { operator: Operator::Subtract, .. }));
                self.advance();
                self.binder.integer(slice, negated, token.start, token.end)
            }
            Kind::Float => {
                self.advance();
                self.binder.float(slice, token.start, token.end)
            }
            Kind::Boolean => {
                self.advance();
                let value = slice.eq_ignore_ascii_case("true");
                Operand::value(Value::Bool(value), token.start, token.end)
            }
            Kind::Text => {
                self.advance();
                self.binder.string(slice, token.start, token.end)
            }
            Kind::Identifier | Kind::JsonIdentifier => {
                self.advance();
                let column = self.column(token);
                match self.token.kind {
                    Kind::IsNull | Kind::IsNotNull => {
                        let check = self.advance();
                        self.binder.is_null(column, check.kind == Kind::IsNotNull, check.end)
                    }
                    _ => column,
                }
            }
            Kind::OpenBrace => {
                self.advance();
                if self.token.kind != Kind::Identifier {
                    return Err(self.mismatch("Identifier"));
                }
                let name = self.advance();
                if self.token.kind != Kind::CloseBrace {
                    return Err(self.mismatch("'}'"));
                }
                let end = self.advance().end;
                self.binder.template(self.slice(name), token.start, end)
            }
            _ => return Err(self.operand_expected()),
        })
    }

    fn column(&mut self, token: Token) -> Operand {
        self.binder.column(self.slice(token), token.kind == Kind::JsonIdentifier, token.start, token.end)
    }

    /// Takes what may follow an operand. True when another operand has to follow that.
    fn operator(&mut self) -> Result<bool, String> {
        let token = self.token;
        match token.kind {
            Kind::Operator(Operator::Like) => {
                self.reduce(precedence(Operator::Like));
                self.advance();
                if self.token.kind != Kind::Text {
                    return Err(self.mismatch("StringLiteral"));
                }
                let pattern = self.advance();
                let operand = self.pop_operand();
                let like = self.binder.like(operand, self.slice(pattern), pattern.end);
                self.operands.push(like);
                Ok(false)
            }
            Kind::Operator(Operator::Not) if self.lookahead() == [Kind::Operator(Operator::In)] => {
                self.advance();
                self.membership(true)
            }
            Kind::Operator(Operator::In) => self.membership(false),
            Kind::Operator(Operator::Not | Operator::BitNot | Operator::Exists) => self.unexpected(),
            Kind::Operator(operator) => {
                if let Some(upper) = self.range_follows(operator) {
                    self.reduce(RANGE_PRECEDENCE);
                    self.advance();
                    let name = self.advance();
                    let column = self.column(name);
                    self.advance();
                    self.push(Frame::Range { lower: operator, column, upper })?;
                } else {
                    self.reduce(precedence(operator));
                    self.advance();
                    self.push(Frame::Binary { operator, negated: false, token })?;
                }
                Ok(true)
            }
            Kind::Comma => self.comma(),
            Kind::CloseParen | Kind::CloseBracket => {
                self.reduce(0);
                match (self.frames.last(), token.kind) {
                    (Some(Frame::Paren { .. }), Kind::CloseParen) => {}
                    (Some(Frame::Call { .. }), Kind::CloseParen) | (Some(Frame::List { .. }), Kind::CloseBracket) => {
                        self.take_item();
                    }
                    _ => return self.unexpected(),
                }
                self.close()?;
                Ok(false)
            }
            Kind::End => {
                self.reduce(0);
                if self.frames.is_empty() { Ok(false) } else { self.unexpected() }
            }
            _ => self.unexpected(),
        }
    }

    fn membership(&mut self, negated: bool) -> Result<bool, String> {
        self.reduce(precedence(Operator::In));
        let token = self.advance();
        self.push(Frame::Binary { operator: Operator::In, negated, token })?;
        // A list or a template; 2.3.5 has it in the grammar, later versions in the checks.
        if matches!(self.token.kind, Kind::OpenBracket | Kind::OpenBrace) {
            Ok(true)
        } else {
            Err(self.no_alternative(self.slice(token)))
        }
    }

    /// `< name <` and `> name >` ask for a range.
    fn range_follows(&self, operator: Operator) -> Option<Operator> {
        let ascending = match operator {
            Operator::Less | Operator::LessEqual => true,
            Operator::Greater | Operator::GreaterEqual => false,
            _ => return None,
        };
        let [Kind::Identifier | Kind::JsonIdentifier, Kind::Operator(upper)] = self.lookahead() else { return None };
        let same = match upper {
            Operator::Less | Operator::LessEqual => ascending,
            Operator::Greater | Operator::GreaterEqual => !ascending,
            _ => false,
        };
        same.then_some(upper)
    }

    fn comma(&mut self) -> Result<bool, String> {
        self.reduce(0);
        let called = match self.frames.last() {
            Some(Frame::List { .. }) => None,
            Some(Frame::Call { name, .. }) => Some(*name),
            _ => return self.unexpected(),
        };
        self.take_item();
        self.advance();
        let closing = if called.is_some() { Kind::CloseParen } else { Kind::CloseBracket };
        // One comma may trail, but not in a call of a function that the grammar names.
        if self.token.kind == closing && called.is_none_or(|name| name.kind == Kind::Identifier) {
            self.close()?;
            return Ok(false);
        }
        if let Some(name) = called {
            self.skip_option_name(name);
        }
        Ok(true)
    }

    /// Moves the operand on top into the list or call that is open.
    fn take_item(&mut self) {
        let operand = self.pop_operand();
        match self.frames.last_mut() {
            Some(Frame::List { values, .. }) => values.extend(self.binder.list_item(operand)),
            Some(Frame::Call { arguments, .. }) => arguments.push(operand),
            _ => {}
        }
    }

    /// Takes the closing bracket of the innermost frame, which makes it an operand.
    fn close(&mut self) -> Result<(), String> {
        let end = self.advance().end;
        let operand = match self.pop() {
            Some(Frame::Paren { start }) => self.pop_operand().spanning(start, end),
            Some(Frame::List { start, values }) => Operand::value(Value::Array(values), start, end),
            Some(Frame::Call { name, arguments }) => self.binder.call(self.slice(name), arguments, name.start, end)?,
            _ => return Err(self.invalid()),
        };
        self.operands.push(operand);
        Ok(())
    }

    fn unexpected(&self) -> Result<bool, String> {
        let open = self.frames.iter().rev().find_map(|frame| match frame {
            Frame::Paren { .. } | Frame::Call { .. } => Some("')'"),
            Frame::List { .. } => Some("{',', ']'}"),
            _ => None,
        });
        Err(match open {
            Some(expected) if self.token.kind == Kind::End && expected == "')'" => {
                format!("{} missing ')' at '<EOF>'", self.position(self.token.start))
            }
            Some(expected) => self.mismatch(expected),
            // Milvus takes the expression that it has and then finds that the text goes on.
            None => match self.lexer.unrecognized() {
                Some((start, end)) => {
                    let what = brief(&self.text[start..end]);
                    format!("{} token recognition error at: '{what}'", self.position(start))
                }
                None => self.invalid(),
            },
        })
    }

    fn pop_operand(&mut self) -> Operand {
        self.operands.pop().unwrap_or_else(|| Operand::poison(0, 0))
    }

    /// Applies the operators on the stack that bind at least this tightly.
    fn reduce(&mut self, least: u8) {
        while let Some(frame) = self.frames.last() {
            let binds = match frame {
                Frame::Prefix { operator: Operator::Exists, .. } => precedence(Operator::Exists),
                Frame::Prefix { .. } => PREFIX_PRECEDENCE,
                Frame::Binary { operator, .. } => precedence(*operator),
                Frame::Range { .. } => RANGE_PRECEDENCE,
                Frame::Paren { .. } | Frame::List { .. } | Frame::Call { .. } => return,
            };
            if binds < least {
                return;
            }
            let operand = self.pop_operand();
            let result = match self.pop() {
                Some(Frame::Prefix { operator, start }) => self.binder.unary(operator, operand, start),
                Some(Frame::Binary { operator, negated, .. }) => {
                    let left = self.pop_operand();
                    self.binder.binary(left, operator, negated, operand)
                }
                Some(Frame::Range { lower, column, upper }) => {
                    let first = self.pop_operand();
                    self.binder.range((first, lower), column, (upper, operand))
                }
                _ => operand,
            };
            self.operands.push(result);
        }
    }
}

fn starts_operand(kind: Kind) -> bool {
    use Kind::*;
    matches!(kind, Integer | Float | Boolean | Text | Identifier | JsonIdentifier | OpenParen | OpenBracket | OpenBrace)
}
