//! The service: one thread accepts, the others serve, each its own connections with its own access to the map.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::{TcpListener, TcpStream};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, Stream};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::Store;
use crate::counts::Tally;
use crate::handler::Handler;

/// How often it is looked whether the service is to stop: by who accepts, and by each connection, of which there are many.
const ACCEPT_LOOK: Duration = Duration::from_millis(50);
const LOOK: Duration = Duration::from_millis(250);

/// The longest head of a request, in bytes: the least that hyper takes.
const LONGEST_HEAD: usize = 8 * 1024;

/// The most headers of a request.
const MOST_HEADERS: usize = 32;

/// What bounds a service.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once; more are closed as they come.
    pub connections: usize,
    /// How long a head, or a body, may take to arrive; a connection that says nothing for so long is closed.
    pub patience: Duration,
    /// How long requests in progress may take to end once the service is to stop.
    pub grace: Duration,
}

/// Lends a thread that calls it its access to the map, for as long as it works.
pub type Attend<'a> = dyn Fn(&mut dyn FnMut(&mut dyn Store)) + Sync + 'a;

/// Serves until `stop` is set: `threads` threads, each of which gets its access to the map from `attend`.
///
/// # Errors
/// When the system refuses a socket or a thread its runtime.
pub fn serve(
    listener: &TcpListener,
    threads: usize,
    limits: &Limits,
    stop: &AtomicBool,
    attend: &Attend,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let (tally, open) = (Tally::default(), AtomicUsize::new(0));
    let (tally, open) = (&tally, &open);
    std::thread::scope(|scope| {
        let mut senders = Vec::with_capacity(threads);
        let mut running = Vec::with_capacity(threads);
        for _ in 0..threads {
            let (send, receive) = unbounded_channel();
            senders.push(send);
            running.push(scope.spawn(move || {
                let mut receive = Some(receive);
                let mut served = Ok(());
                attend(&mut |store| {
                    if let Some(connections) = receive.take() {
                        let thread = Thread { limits, stop, tally, open };
                        served = thread.run(store, connections);
                    }
                });
                served
            }));
        }
        let accepted = accept(listener, &senders, limits, stop, open);
        // A thread that has no sender left serves what it has and ends.
        drop(senders);
        if accepted.is_err() {
            stop.store(true, Ordering::Relaxed);
        }
        let served = running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread of the service panicked"))));
        accepted.and(served.collect::<io::Result<Vec<()>>>().map(|_| ()))
    })
}

/// Hands connections to the threads in turn.
fn accept(
    listener: &TcpListener,
    threads: &[UnboundedSender<TcpStream>],
    limits: &Limits,
    stop: &AtomicBool,
    open: &AtomicUsize,
) -> io::Result<()> {
    let mut next = threads.iter().cycle();
    while !stop.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((stream, _)) if open.load(Ordering::Relaxed) < limits.connections => {
                open.fetch_add(1, Ordering::Relaxed);
                if next.next().is_none_or(|thread| thread.send(stream).is_err()) {
                    return Err(io::Error::other("a thread of the service has ended"));
                }
            }
            // Too many: it is closed by being dropped.
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => await_connection(listener),
            // The client is gone already, or there is no descriptor left for a moment.
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
    Ok(())
}

/// Sleeps until somebody connects, or it is time to look whether to stop.
fn await_connection(listener: &TcpListener) {
    let look = Timespec { tv_sec: 0, tv_nsec: ACCEPT_LOOK.subsec_nanos().into() };
    // An interrupt is looked after by the caller's loop.
    let _ = poll(&mut [PollFd::new(listener, PollFlags::IN)], Some(&look));
}

struct Thread<'a> {
    limits: &'a Limits,
    stop: &'a AtomicBool,
    tally: &'a Tally,
    open: &'a AtomicUsize,
}

impl Thread<'_> {
    fn run(&self, store: &mut dyn Store, mut connections: UnboundedReceiver<TcpStream>) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handler = Handler {
            store: RefCell::new(store),
            tally: self.tally,
            turn: Cell::new(0),
            patience: self.limits.patience,
        };
        runtime.block_on(async {
            let mut served = FuturesUnordered::new();
            let mut accepting = true;
            std::future::poll_fn(|context| {
                while accepting {
                    match connections.poll_recv(context) {
                        Poll::Ready(Some(stream)) => served.push(self.connection(&handler, stream)),
                        Poll::Ready(None) => accepting = false,
                        Poll::Pending => break,
                    }
                }
                while let Poll::Ready(Some(())) = pin!(&mut served).poll_next(context) {
                    self.open.fetch_sub(1, Ordering::Relaxed);
                }
                if !accepting && served.is_empty() { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        });
        Ok(())
    }

    /// Serves a connection to its end. What goes wrong with it concerns nobody else.
    async fn connection(&self, handler: &Handler<'_>, stream: TcpStream) {
        let prepared = stream.set_nonblocking(true).and_then(|()| stream.set_nodelay(true));
        let Ok(stream) = prepared.and_then(|()| tokio::net::TcpStream::from_std(stream)) else { return };
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.limits.patience)
            .max_buf_size(LONGEST_HEAD)
            .max_headers(MOST_HEADERS);
        let mut connection =
            pin!(http.serve_connection(TokioIo::new(stream), service_fn(|request| handler.answer(request))));
        while !self.stop.load(Ordering::Relaxed) {
            if ended_within(LOOK, connection.as_mut()).await {
                return;
            }
        }
        connection.as_mut().graceful_shutdown();
        let _ = timeout(self.limits.grace, connection).await;
    }
}

async fn ended_within(time: Duration, future: impl Future) -> bool {
    timeout(time, future).await.is_ok()
}
