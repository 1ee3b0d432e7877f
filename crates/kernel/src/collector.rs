//! Gathers what a turn shows, as somebody who looks afterwards would see it.

use std::{collections::HashMap, mem};

use api::{DisplayData, ExceptionInfo};

use crate::{TurnEvent, TurnSink};

/// What a turn has shown so far. The turn's own limits bound it.
#[derive(Debug, Default)]
pub struct Collector {
    displays: Vec<DisplayData>,
    /// Where in the list each name stands, so that a turn of updates costs no more
    /// than their number.
    places: HashMap<String, usize>,
    result: Option<DisplayData>,
    exception: Option<ExceptionInfo>,
    clear_next: bool,
}

impl Collector {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What was shown, in order. An update of what this turn showed stands in its
    /// place; one of what an earlier turn showed stands for itself, marked as such.
    #[must_use]
    pub fn take_displays(&mut self) -> Vec<DisplayData> {
        self.places.clear();
        mem::take(&mut self.displays)
    }

    /// The value of the last expression.
    #[must_use]
    pub fn take_result(&mut self) -> Option<DisplayData> {
        self.result.take()
    }

    /// The exception that ended the code.
    #[must_use]
    pub fn take_exception(&mut self) -> Option<ExceptionInfo> {
        self.exception.take()
    }

    fn show(&mut self, display: DisplayData) {
        if mem::take(&mut self.clear_next) {
            self.clear();
        }
        let Some(name) = &display.display_id else { return self.displays.push(display) };
        match self.places.get(name) {
            Some(&place) if display.update => {
                let shown = &mut self.displays[place];
                shown.data = display.data;
                shown.metadata = display.metadata;
            }
            _ => {
                self.places.insert(name.clone(), self.displays.len());
                self.displays.push(display);
            }
        }
    }

    fn clear(&mut self) {
        self.displays.clear();
        self.places.clear();
    }
}

impl TurnSink for Collector {
    fn event(&mut self, event: TurnEvent) {
        match event {
            TurnEvent::Display(display) => self.show(display),
            TurnEvent::Clear { wait: true } => self.clear_next = true,
            TurnEvent::Clear { wait: false } => self.clear(),
            TurnEvent::Result { display, .. } => self.result = Some(display),
            TurnEvent::Exception(exception) => self.exception = Some(exception),
            TurnEvent::Input(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn display(text: &str, name: Option<&str>, update: bool) -> TurnEvent {
        TurnEvent::Display(DisplayData {
            data: [("text/plain".to_owned(), json!(text))].into(),
            display_id: name.map(str::to_owned),
            update,
            ..DisplayData::default()
        })
    }

    /// The texts that are left of these events; an update that stands for itself
    /// has a star.
    fn left(events: impl IntoIterator<Item = TurnEvent>) -> Vec<String> {
        let mut collector = Collector::new();
        events.into_iter().for_each(|event| collector.event(event));
        let displays = collector.take_displays().into_iter();
        let text = |display: DisplayData| {
            let star = if display.update { "*" } else { "" };
            format!("{}{star}", display.data["text/plain"].as_str().unwrap())
        };
        displays.map(text).collect()
    }

    #[test]
    fn updates_stand_where_what_they_replace_stood() {
        let events = [
            display("a", Some("x"), false),
            display("b", None, false),
            display("c", Some("x"), true),
            display("d", Some("y"), true),
            display("e", Some("y"), true),
        ];
        assert_eq!(left(events), ["c", "b", "e*"]);
    }

    #[test]
    fn a_name_that_is_shown_again_means_the_newest() {
        let events = [
            display("a", Some("x"), false),
            display("b", Some("x"), false),
            display("c", Some("x"), true),
        ];
        assert_eq!(left(events), ["a", "c"]);
    }

    #[test]
    fn clearing_takes_what_was_shown_now_or_with_the_next() {
        let clear = |wait| TurnEvent::Clear { wait };
        assert_eq!(left([display("a", None, false), clear(false)]), [""; 0]);
        assert_eq!(left([display("a", None, false), clear(true)]), ["a"]);
        let events = [display("a", Some("x"), false), clear(true), display("b", Some("x"), true)];
        assert_eq!(left(events), ["b*"]);
        let events = [clear(true), display("a", None, false), display("b", None, false)];
        assert_eq!(left(events), ["a", "b"]);
    }
}
