//! A terminal that shows nothing while a secret is typed, and that shows again what is typed after it.

use std::fs::File;
use std::io::Error;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// From now on, a signal that ends the process restores the terminal first.
pub(crate) fn restore_before_a_signal_ends_us() -> Result<(), Error> {
    // The terminal that `rpassword` reads from.
    let terminal = File::open("/dev/tty")?;
    let before = tcgetattr(&terminal)?;
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM])?;
    std::thread::Builder::new().name("terminal".into()).spawn(move || {
        for signal in signals.forever() {
            restore(&terminal, &before);
            let _ = emulate_default_handler(signal);
        }
    })?;
    Ok(())
}

/// Ends the process as Ctrl-C does. `rpassword` reads the key itself and has restored the terminal.
pub(crate) fn end_as_interrupted() {
    let _ = emulate_default_handler(SIGINT);
}

/// A terminal that has gone away cannot be restored, and need not be.
fn restore(terminal: &File, before: &Termios) {
    let _ = tcsetattr(terminal, OptionalActions::Now, before);
}
