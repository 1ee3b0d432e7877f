//! Commands at the prompt: lines that begin with a colon, which no Python does. Pure.

/// What a person orders at the prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Help,
    Run { file: String },
    Shell { line: String },
    Files { path: Option<String> },
    Get { guest: String, host: Option<String> },
    Put { host: String, guest: Option<String> },
    Restart,
    Limits,
    Quit,
}

/// Why a line is no order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidOrder {
    #[error("there is no command {name:?}; `:help` lists them")]
    Unknown { name: String },
    #[error("{usage} is how this command is written")]
    Usage { usage: &'static str },
    #[error("a quote is not closed")]
    Quote,
}

/// One command: its name, what follows it, what it does.
struct Row {
    name: &'static str,
    usage: &'static str,
    about: &'static str,
}

const fn row(name: &'static str, usage: &'static str, about: &'static str) -> Row {
    Row { name, usage, about }
}

/// Every command.
const ROWS: &[Row] = &[
    row(":help", ":help", "this list"),
    row(":run", ":run FILE", "run a file of this machine as one cell"),
    row(":sh", ":sh COMMAND", "run a shell command line in the sandbox, beside the kernel"),
    row(":files", ":files [PATH]", "list files of the workspace"),
    row(":get", ":get GUEST [HOST]", "copy a file out of the workspace"),
    row(":put", ":put HOST [GUEST]", "copy a file into the workspace"),
    row(":restart", ":restart", "restart the kernel: variables go, files stay"),
    row(":limits", ":limits", "show what the sandbox may use"),
    row(":quit", ":quit", "leave, as Ctrl-D does"),
];

/// What `:help` says.
pub(super) fn help() -> String {
    let rows = ROWS.iter().map(|row| format!("{:<18} {}\n", row.usage, row.about));
    let keys = "\nAn empty line ends a block. Tab completes. Ctrl-C clears the line or interrupts\n\
                what runs. `name?` tells what a name is; `!command` is a shell command of the\n\
                kernel's, `%magic` one of its magics.\n";
    rows.chain([keys.to_owned()]).collect()
}

/// The names of commands that begin so.
pub(super) fn names(beginning: &str) -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.name).filter(move |name| name.starts_with(beginning))
}

/// Whether a cell is an order, well-formed or not.
pub(super) fn is_order(cell: &str) -> bool {
    cell.starts_with(':')
}

/// Reads an order.
///
/// # Errors
/// There is no such command, or it is written otherwise.
pub(super) fn parse(cell: &str) -> Result<Order, InvalidOrder> {
    let cell = cell.trim();
    let (name, rest) = cell.split_once(char::is_whitespace).unwrap_or((cell, ""));
    let rest = rest.trim();
    let row = ROWS.iter().find(|row| row.name == name);
    let usage = row.ok_or_else(|| InvalidOrder::Unknown { name: name.to_owned() })?.usage;
    if name == ":sh" {
        // Its quotes are the shell's.
        let line = rest.to_owned();
        return if line.is_empty() {
            Err(InvalidOrder::Usage { usage })
        } else {
            Ok(Order::Shell { line })
        };
    }
    let mut words = words(rest)?.into_iter();
    let order = match (name, words.next(), words.next(), words.next()) {
        (":help", None, ..) => Order::Help,
        (":run", Some(file), None, _) => Order::Run { file },
        (":files", path, None, _) => Order::Files { path },
        (":get", Some(guest), host, None) => Order::Get { guest, host },
        (":put", Some(host), guest, None) => Order::Put { host, guest },
        (":restart", None, ..) => Order::Restart,
        (":limits", None, ..) => Order::Limits,
        (":quit", None, ..) => Order::Quit,
        _ => return Err(InvalidOrder::Usage { usage }),
    };
    Ok(order)
}

/// Words as a shell divides them, by spaces outside quotes; nothing else is special.
fn words(text: &str) -> Result<Vec<String>, InvalidOrder> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in text.chars() {
        match quote {
            Some(end) if letter == end => quote = None,
            Some(_) => word.get_or_insert_default().push(letter),
            None if matches!(letter, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            None if letter.is_whitespace() => words.extend(word.take()),
            None => word.get_or_insert_default().push(letter),
        }
    }
    if quote.is_some() {
        return Err(InvalidOrder::Quote);
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read() {
        let text = |text: &str| text.to_owned();
        let table = [
            (":help", Order::Help),
            (":run a.py", Order::Run { file: text("a.py") }),
            (":run 'my file.py'", Order::Run { file: text("my file.py") }),
            (":sh ls  -l 'a b'", Order::Shell { line: text("ls  -l 'a b'") }),
            (":files", Order::Files { path: None }),
            (":files  data ", Order::Files { path: Some(text("data")) }),
            (":get a", Order::Get { guest: text("a"), host: None }),
            (":get a \"b c\"", Order::Get { guest: text("a"), host: Some(text("b c")) }),
            (":put a b", Order::Put { host: text("a"), guest: Some(text("b")) }),
            (":restart\n", Order::Restart),
            (":limits", Order::Limits),
            (":quit", Order::Quit),
        ];
        for (line, order) in table {
            assert_eq!(parse(line), Ok(order), "{line:?}");
        }
    }

    #[test]
    fn what_is_no_order_says_why() {
        let table = [
            (":", "there is no command \":\""),
            (":rum a", "there is no command \":rum\""),
            (":run", ":run FILE is how"),
            (":run a b", ":run FILE is how"),
            (":sh ", ":sh COMMAND is how"),
            (":get a b c", ":get GUEST [HOST] is how"),
            (":quit now", ":quit is how"),
            (":put 'a", "a quote is not closed"),
        ];
        for (line, words) in table {
            let error =
                parse(line).map_or_else(|error| error.to_string(), |order| format!("{order:?}"));
            assert!(error.starts_with(words), "{line:?}: {error}");
        }
    }

    #[test]
    fn every_command_is_in_the_help_and_completes() {
        for row in ROWS {
            assert!(help().contains(row.usage) && row.usage.starts_with(row.name), "{}", row.name);
        }
        assert_eq!(names(":re").collect::<Vec<_>>(), [":restart"]);
    }
}
