//! Speaks with a kernel over its socket.
//!
//! Reads and writes go on at the same time, so a kernel that does not read while it
//! writes, or never reads, cannot hold us; what a caller drops, it can take up
//! again, for all state lies in the [`Kernel`].

use std::{io, os::fd::OwnedFd, os::unix::net::UnixStream as StdStream};

use api::{Completion, InputReply, Inspection, TurnRequest};
use rustix::{
    io::Errno,
    net::{RecvFlags, SendFlags, recv, send},
};
use tokio::{io::Interest, net::UnixStream, task::yield_now};

use crate::{
    BoxFuture, CALLS_IN_FLIGHT_MAX, CallId, Configuration, Hello, InputSource, KernelError, Script,
    TOOL_CONTENT_BYTES_MAX, Token, ToolReply, ToolSpec, TurnEnd, TurnEvent, TurnSink, Violation,
    frame::Decoder,
    machine::{Event, Machine, Misuse, Question},
    outbox::Outbox,
    request::Request,
};

/// Read at a time: a large frame in few system calls, and little for each of many
/// kernels.
const CHUNK_BYTES: usize = 64 * 1024;
/// Events after which others get their turn, however fast a kernel speaks.
const EVENTS_IN_A_ROW_MAX: usize = 16;

/// A kernel, as seen from the host.
///
/// It is asked one thing at a time. A question whose future was dropped before its
/// end is still in flight: [`Kernel::next`] goes on with it, and nothing else can be
/// asked before it is answered. A kernel that is not idle when nobody waits for it
/// any more, or that gave an error, is to be killed; see
/// [`KernelError::leaves_kernel_usable`] for the exceptions.
///
/// The socket says nothing of the kernel's process. A copy of it that user code made
/// keeps it open after that process has ended, and user code may close it before; so
/// whoever holds the process also waits for its end.
#[derive(Debug)]
pub struct Kernel {
    stream: UnixStream,
    machine: Machine,
    decoder: Decoder,
    /// What was read and not decoded yet, from `inbox_start` on.
    inbox: Vec<u8>,
    inbox_start: usize,
    outbox: Outbox,
}

impl Kernel {
    /// A kernel that was just started, by the host's end of its socket. Must be
    /// called inside a runtime.
    ///
    /// # Errors
    /// The event loop does not take the socket.
    pub fn new(socket: OwnedFd) -> Result<Self, KernelError> {
        let failed = |source| KernelError::Socket { operation: "watch", source };
        let stream = StdStream::from(socket);
        stream.set_nonblocking(true).map_err(failed)?;
        Ok(Self {
            stream: UnixStream::from_std(stream).map_err(failed)?,
            machine: Machine::new(),
            decoder: Decoder::new(),
            inbox: Vec::new(),
            inbox_start: 0,
            outbox: Outbox::default(),
        })
    }

    /// Waits until the kernel is ready. May be dropped and called again.
    ///
    /// # Errors
    /// It ended, or said something else.
    pub async fn ready(&mut self) -> Result<Hello, KernelError> {
        match self.next().await? {
            Event::Ready(hello) => Ok(hello),
            _ => Err(self.other_asked()),
        }
    }

    /// Tells the kernel its env vars and its directory. Once, before its first turn.
    ///
    /// # Errors
    /// It ended, broke the protocol, or had its first turn.
    pub async fn configure(&mut self, to: &Configuration) -> Result<Hello, KernelError> {
        self.ask(Question::Configuration, Token::NONE, &Request::Configure(to))?;
        self.ready().await
    }

    /// Runs code to its end. What happens goes to `sink`, questions to `input`.
    ///
    /// # Errors
    /// The kernel ended or broke the protocol, or could not be asked.
    pub async fn execute(
        &mut self,
        request: &TurnRequest,
        sink: &mut dyn TurnSink,
        input: &mut dyn InputSource,
    ) -> Result<TurnEnd, KernelError> {
        self.begin(request)?;
        self.finish(sink, input).await
    }

    /// Asks the kernel to run code, without waiting. [`Kernel::finish`], or
    /// [`Kernel::next`] until [`Event::Done`], does the rest.
    ///
    /// # Errors
    /// It cannot be asked, or has something to say without having been asked.
    pub fn begin(&mut self, request: &TurnRequest) -> Result<(), KernelError> {
        let question = Question::Turn { allow_input: request.allow_input };
        self.ask(question, draw()?, &Request::Execute(request))
    }

    /// Goes on with the turn in flight to its end. May be dropped and called again,
    /// but a question that was not answered is not asked again.
    ///
    /// # Errors
    /// The kernel ended or broke the protocol.
    pub async fn finish(
        &mut self,
        sink: &mut dyn TurnSink,
        input: &mut dyn InputSource,
    ) -> Result<TurnEnd, KernelError> {
        let mut event = self.next().await?;
        let mut events = 0_usize;
        loop {
            event = match event {
                Event::Done(end) => return Ok(end),
                Event::Turn(TurnEvent::Input(request)) => {
                    sink.event(TurnEvent::Input(request.clone()));
                    self.ask_caller(input.ask(request), sink).await?
                }
                Event::Call(..) => {
                    self.refuse_calls(&ToolReply::none())?;
                    self.next().await?
                }
                Event::Turn(event) => {
                    sink.event(event);
                    events += 1;
                    if events.is_multiple_of(EVENTS_IN_A_ROW_MAX) {
                        yield_now().await;
                    }
                    self.next().await?
                }
                _ => return Err(self.other_asked()),
            };
        }
    }

    /// Waits for the caller's answer and passes it on, unless the code goes on
    /// without. Gives the next event that is not merely shown meanwhile.
    async fn ask_caller(
        &mut self,
        mut answer: BoxFuture<'_, InputReply>,
        sink: &mut dyn TurnSink,
    ) -> Result<Event, KernelError> {
        loop {
            let event = tokio::select! {
                event = self.next() => event?,
                reply = &mut answer => {
                    self.answer_input(&reply)?;
                    return self.next().await;
                }
            };
            match event {
                Event::Turn(shown @ (TurnEvent::Display(_) | TurnEvent::Clear { .. })) => {
                    sink.event(shown);
                }
                Event::Call(..) => self.refuse_calls(&ToolReply::none())?,
                event => return Ok(event),
            }
        }
    }

    /// Gives the turn in flight the input that it waits for. It is sent while
    /// [`Kernel::next`] or [`Kernel::finish`] waits.
    ///
    /// # Errors
    /// It waits for none, or has not read what was sent before.
    pub fn answer_input(&mut self, reply: &InputReply) -> Result<(), KernelError> {
        let token = self.machine.awaited()?;
        let bytes = Request::Input(reply).encode(token)?;
        self.refuse_unread()?;
        self.machine.answer();
        self.outbox.push(bytes);
        Ok(())
    }

    /// The calls of tools that the turn in flight waits for.
    pub fn calls(&self) -> impl Iterator<Item = CallId> {
        self.machine.calls()
    }

    /// Gives the turn in flight the answer to a call. It is sent while [`Kernel::next`]
    /// or [`Kernel::finish`] waits. An answer that is longer than a kernel takes becomes
    /// an error.
    ///
    /// # Errors
    /// It does not wait for that one.
    pub fn answer_call(&mut self, call: CallId, reply: &ToolReply) -> Result<(), KernelError> {
        let token = self.machine.answer_call(call)?;
        let encoded = match reply.is_too_long() {
            false => Request::ToolReply(call, reply).encode(token),
            true => Err(KernelError::TooLong { bytes: TOOL_CONTENT_BYTES_MAX }),
        };
        let too_long = |_| Request::ToolReply(call, &ToolReply::too_long()).encode(token);
        let bytes = encoded.or_else(too_long)?;
        self.outbox.push_tool_reply(bytes);
        Ok(())
    }

    /// Gives this answer to all calls that the turn in flight waits for.
    ///
    /// # Errors
    /// The answer is longer than a kernel takes.
    pub fn refuse_calls(&mut self, reply: &ToolReply) -> Result<(), KernelError> {
        let calls: Vec<_> = self.machine.calls().collect();
        calls.into_iter().try_for_each(|call| self.answer_call(call, reply))
    }

    /// Tells the kernel which tools there are from now on.
    ///
    /// # Errors
    /// The kernel ended or broke the protocol, or could not be asked.
    pub async fn set_tools(&mut self, tools: &[ToolSpec]) -> Result<(), KernelError> {
        self.ask(Question::Tools, draw()?, &Request::Tools(tools))?;
        match self.next().await? {
            Event::Tools => Ok(()),
            _ => Err(self.other_asked()),
        }
    }

    /// Asks how code can go on after that many characters.
    ///
    /// # Errors
    /// The kernel ended or broke the protocol, or could not be asked.
    pub async fn complete(&mut self, code: &str, cursor: usize) -> Result<Completion, KernelError> {
        let characters = code.chars().count();
        let request = Request::Complete { code, cursor: cursor.min(characters) };
        self.ask(Question::Completion { characters }, draw()?, &request)?;
        match self.next().await? {
            Event::Completion(completion) => Ok(completion),
            _ => Err(self.other_asked()),
        }
    }

    /// Asks what is known of the name at that many characters.
    ///
    /// # Errors
    /// The kernel ended or broke the protocol, or could not be asked.
    pub async fn inspect(
        &mut self,
        code: &str,
        cursor: usize,
        detailed: bool,
    ) -> Result<Inspection, KernelError> {
        let cursor = cursor.min(code.chars().count());
        let request = Request::Inspect { code, cursor, detailed };
        self.ask(Question::Inspection, draw()?, &request)?;
        match self.next().await? {
            Event::Inspection(inspection) => Ok(inspection),
            _ => Err(self.other_asked()),
        }
    }

    /// Has the kernel run a program as its last deed, and waits until it closes its
    /// socket. How the program ended is for the holder of the process to say, but for
    /// a signal: the kernel's process cannot end by one, and says which it was.
    ///
    /// # Errors
    /// The kernel broke the protocol, or could not be asked.
    pub async fn script(&mut self, script: &Script) -> Result<Option<i32>, KernelError> {
        self.end(&Request::Script(script)).await
    }

    /// Has the kernel run its `atexit` handlers and end, and waits until it closes
    /// its socket.
    ///
    /// # Errors
    /// The kernel broke the protocol, or could not be asked.
    pub async fn shutdown(&mut self) -> Result<(), KernelError> {
        self.end(&Request::Shutdown).await.map(drop)
    }

    /// The signal that ended what it was to run, if one did.
    async fn end(&mut self, request: &Request<'_>) -> Result<Option<i32>, KernelError> {
        self.ask(Question::End, draw()?, request)?;
        match self.next().await {
            Ok(Event::Ended(signal)) => Ok(Some(signal)),
            Err(KernelError::Closed) => Ok(None),
            Err(error) => Err(error),
            Ok(_) => Err(self.other_asked()),
        }
    }

    /// Whether the kernel can be asked something. It may have ended all the same;
    /// that is noticed when it is asked, or by [`Kernel::check_idle`].
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.machine.is_idle()
    }

    /// Makes sure, without waiting, that an idle kernel is there and silent.
    ///
    /// # Errors
    /// It is not idle, has ended, or said something without having been asked.
    pub fn check_idle(&mut self) -> Result<(), KernelError> {
        self.machine.require_idle()?;
        if self.inbox_start < self.inbox.len() || !self.decoder.is_at_start() {
            return Err(self.break_off(Violation::Idle));
        }
        self.refuse_unread()?;
        let mut byte = [0; 1];
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        match recv(&self.stream, &mut byte[..], flags) {
            Err(Errno::AGAIN | Errno::INTR) => Ok(()),
            Ok((_, 0)) | Err(Errno::CONNRESET) => Err(self.closed()),
            Ok(_) => Err(self.break_off(Violation::Idle)),
            Err(errno) => Err(self.failed("read", errno.into())),
        }
    }

    /// Waits as long as an idle kernel is there and silent. May be dropped and
    /// called again.
    pub async fn lost(&mut self) -> KernelError {
        loop {
            if let Err(error) = self.check_idle() {
                return error;
            }
            if let Err(source) = self.stream.readable().await {
                return self.failed("watch", source);
            }
            // The event loop believes that there is something until a read finds nothing.
            let peek = || {
                let mut byte = [0; 1];
                let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
                Ok(recv(&self.stream, &mut byte[..], flags).map(drop)?)
            };
            let _ = self.stream.try_io(Interest::READABLE, peek);
        }
    }

    /// Waits for what happens next with what the kernel was asked. May be dropped
    /// and called again: nothing is lost.
    ///
    /// # Errors
    /// The kernel ended or broke the protocol.
    pub async fn next(&mut self) -> Result<Event, KernelError> {
        self.machine.require_question()?;
        loop {
            if let Some(event) = self.decode()? {
                return Ok(event);
            }
            self.exchange().await?;
        }
    }

    /// Asks something under a token, if the kernel is idle and silent.
    fn ask(
        &mut self,
        question: Question,
        token: Token,
        request: &Request<'_>,
    ) -> Result<(), KernelError> {
        let bytes = request.encode(token)?;
        self.check_idle()?;
        self.machine.ask(question, token)?;
        self.outbox.push(bytes);
        Ok(())
    }

    /// The next event of what was read, if that has a frame.
    fn decode(&mut self) -> Result<Option<Event>, KernelError> {
        let mut rest = &self.inbox[self.inbox_start..];
        let frame = self.decoder.decode(&mut rest);
        self.inbox_start = self.inbox.len() - rest.len();
        let judged =
            frame.and_then(|frame| frame.map(|frame| self.machine.take(&frame)).transpose());
        let event = judged.map_err(|violation| self.break_off(violation))?;
        self.bound_outbox(event.as_ref())?;
        if self.machine.is_idle() && self.inbox_start == self.inbox.len() {
            // An idle kernel keeps no memory for what it may say one day.
            self.inbox = Vec::new();
            self.inbox_start = 0;
        }
        Ok(event)
    }

    /// Who calls tools and does not read the answers is not given more of them.
    fn bound_outbox(&mut self, event: Option<&Event>) -> Result<(), KernelError> {
        match event {
            Some(Event::Call(..)) => {
                let unread = self.outbox.tool_replies();
                if self.machine.calls().count() + unread > CALLS_IN_FLIGHT_MAX {
                    return Err(self.break_off(Violation::Unread));
                }
            }
            Some(Event::Done(_)) => self.outbox.drop_tool_replies(),
            _ => {}
        }
        Ok(())
    }

    /// Waits until something can be read or, if there is something to write, written.
    async fn exchange(&mut self) -> Result<(), KernelError> {
        let mut interest = Interest::READABLE;
        if !self.outbox.is_empty() {
            interest |= Interest::WRITABLE;
        }
        let ready = self.stream.ready(interest).await;
        let ready = ready.map_err(|source| self.failed("watch", source))?;
        if ready.is_writable() && !self.outbox.is_empty() {
            self.write()?;
        }
        if ready.is_readable() {
            self.read()?;
        }
        Ok(())
    }

    /// Reads what is there.
    fn read(&mut self) -> Result<(), KernelError> {
        self.inbox.clear();
        self.inbox_start = 0;
        self.inbox.reserve_exact(CHUNK_BYTES);
        match self.stream.try_read_buf(&mut self.inbox) {
            Ok(1..) => Ok(()),
            Ok(0) => Err(self.closed()),
            Err(error) if is_transient(&error) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Err(self.closed()),
            Err(error) => Err(self.failed("read", error)),
        }
    }

    /// Writes what the socket takes.
    fn write(&mut self) -> Result<(), KernelError> {
        let rest = self.outbox.next();
        // A kernel that is gone must not end us by SIGPIPE.
        let attempt = || Ok(send(&self.stream, rest, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?);
        match self.stream.try_io(Interest::WRITABLE, attempt) {
            Ok(sent) => self.outbox.written(sent),
            Err(error) if is_transient(&error) => {}
            Err(error) => {
                return match error.kind() {
                    io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
                        Err(self.closed())
                    }
                    _ => Err(self.failed("write to", error)),
                };
            }
        }
        Ok(())
    }

    /// A kernel that asks again, or ends its turn, has read what was sent before; but
    /// answers of tools may have nobody who waits for them any more.
    fn refuse_unread(&mut self) -> Result<(), KernelError> {
        if self.outbox.has_other() { Err(self.break_off(Violation::Unread)) } else { Ok(()) }
    }

    /// Somebody waits for the answer to another question than the one in flight,
    /// and has taken a part of that one's answer.
    fn other_asked(&mut self) -> KernelError {
        self.machine.give_up();
        KernelError::Misuse(Misuse::OtherAsked)
    }

    fn break_off(&mut self, violation: Violation) -> KernelError {
        self.machine.give_up();
        KernelError::Violation(violation)
    }

    fn closed(&mut self) -> KernelError {
        self.machine.give_up();
        KernelError::Closed
    }

    fn failed(&mut self, operation: &'static str, source: io::Error) -> KernelError {
        self.machine.give_up();
        KernelError::Socket { operation, source }
    }
}

fn draw() -> Result<Token, KernelError> {
    Token::generate().map_err(KernelError::Random)
}

fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
