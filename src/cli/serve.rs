//! `serve`: Feast's feature server, until a signal ends it.

use std::net::{SocketAddr, ToSocketAddrs};

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::args::{ServeArgs, ServerType};
use super::exit::Exit;
use super::output::Printer;
use super::{Context, now};
use crate::error::{Error, ServerError};
use crate::server::{Event, Server, Setup, Token};

pub fn run(context: &Context, args: &ServeArgs) -> Result<Exit, Error> {
    refuse_what_is_not_there(args)?;
    let token = args.token_file.as_deref().map(Token::read).transpose()?;
    let addresses = addresses(args)?;
    if token.is_none()
        && !args.insecure
        && let Some(open) = addresses.iter().find(|address| !address.ip().is_loopback())
    {
        return Err(ServerError::TokenNeeded { address: open.to_string() }.into());
    }
    let printer = context.printer.clone();
    let log = Box::new(move |event: &Event<'_>| tell(&printer, event));
    let server = Server::new(Setup { store: context.open()?, token, clock: now, log })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Error::io("start the threads of the server", e))?;
    let done = runtime.block_on(serve(context, server, &addresses));
    // what still reads or writes after the last seconds is left alone: commits are atomic
    runtime.shutdown_background();
    done.map(|()| Exit::Done)
}

/// What Feast's server can and ours cannot.
fn refuse_what_is_not_there(args: &ServeArgs) -> Result<(), Error> {
    if args.feast.server_type == ServerType::Grpc {
        return Err(Error::unsupported("there is no gRPC server", "use `--type http`, Feast's default"));
    }
    if args.feast.key.is_some() || args.feast.cert.is_some() {
        return Err(Error::unsupported(
            "the server speaks no TLS",
            "put a proxy that does before it, and let it listen on loopback",
        ));
    }
    Ok(())
}

fn addresses(args: &ServeArgs) -> Result<Vec<SocketAddr>, Error> {
    let address = format!("{}:{}", args.host, args.port);
    let found = (args.host.as_str(), args.port).to_socket_addrs();
    Ok(found.map_err(|source| ServerError::Listen { address, source })?.collect())
}

async fn serve(context: &Context<'_>, server: Server, addresses: &[SocketAddr]) -> Result<(), Error> {
    let listening = |e| Error::io("wait for signals", e);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(listening)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(listening)?;
    let address = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let failed = |source| ServerError::Listen { address: address.clone(), source };
    let listener = TcpListener::bind(addresses).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    context.printer.info(&format!("serving on http://{bound} (Ctrl-C ends)"));
    let printer = context.printer;
    let (stopped, again) = tokio::sync::oneshot::channel();
    let stop = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        printer.info("shutting down: requests at work are brought to their end");
        // the receiver lives as long as the server
        let _ = stopped.send((interrupt, terminate));
    };
    let at_once = async {
        let Ok((mut interrupt, mut terminate)) = again.await else { return std::future::pending().await };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    tokio::select! {
        () = server.run(listener, stop) => {}
        () = at_once => {}
    }
    Ok(())
}

fn tell(printer: &Printer, event: &Event<'_>) {
    match event {
        Event::Failed { error, .. } | Event::Background(error) => printer.error(error),
        Event::Reloaded => printer.info("the registry has changed"),
        Event::Stale(error) => {
            printer.error(error);
            printer.warn("the registry cannot be read; features are served as it said last");
        }
    }
}
