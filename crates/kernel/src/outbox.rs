//! What is still to be written to a kernel.

use std::collections::VecDeque;

/// Messages in order, the first perhaps written in part.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    messages: VecDeque<Message>,
    /// How much of the first is written.
    start: usize,
}

#[derive(Debug)]
struct Message {
    bytes: Vec<u8>,
    is_tool_reply: bool,
}

impl Outbox {
    pub(crate) fn push(&mut self, bytes: Vec<u8>) {
        self.messages.push_back(Message { bytes, is_tool_reply: false });
    }

    pub(crate) fn push_tool_reply(&mut self, bytes: Vec<u8>) {
        self.messages.push_back(Message { bytes, is_tool_reply: true });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// How many answers of tools there are.
    pub(crate) fn tool_replies(&self) -> usize {
        self.messages.iter().filter(|message| message.is_tool_reply).count()
    }

    /// Whether there is something that is no answer of a tool.
    pub(crate) fn has_other(&self) -> bool {
        self.messages.iter().any(|message| !message.is_tool_reply)
    }

    /// What comes next.
    pub(crate) fn next(&self) -> &[u8] {
        self.messages.front().map_or(&[], |message| &message.bytes[self.start..])
    }

    /// Notes that so much of it is written.
    pub(crate) fn written(&mut self, bytes: usize) {
        self.start += bytes;
        if self.messages.front().is_some_and(|message| self.start == message.bytes.len()) {
            self.messages.pop_front();
            self.start = 0;
        }
        if self.messages.is_empty() {
            // Nobody writes for as long as the kernel is idle.
            self.messages = VecDeque::new();
        }
    }

    /// Drops answers of tools that nobody waits for any more. One that is written in
    /// part has to come to its end.
    pub(crate) fn drop_tool_replies(&mut self) {
        let mut is_begun = self.start > 0;
        self.messages.retain(|message| std::mem::take(&mut is_begun) || !message.is_tool_reply);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_leave_in_order_and_answers_may_be_dropped() {
        let mut outbox = Outbox::default();
        outbox.push_tool_reply(b"one".to_vec());
        outbox.push(b"two".to_vec());
        outbox.push_tool_reply(b"three".to_vec());
        assert!(outbox.has_other() && outbox.tool_replies() == 2);
        outbox.written(1);
        assert_eq!(outbox.next(), b"ne");
        outbox.drop_tool_replies();
        assert_eq!(outbox.tool_replies(), 1);
        outbox.written(2);
        assert_eq!(outbox.next(), b"two");
        outbox.written(3);
        assert!(outbox.is_empty() && outbox.next().is_empty());
        outbox.push_tool_reply(b"four".to_vec());
        outbox.drop_tool_replies();
        assert!(outbox.is_empty());
    }
}
