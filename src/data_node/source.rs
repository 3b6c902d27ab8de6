//! The bytes of an import's files, read a little ahead of who wants them: pieces that the store has, or that it was lent
//! while it still writes them.

use crate::catalog::{SourceFile, source_piece};
use crate::error::{Error, Result};
use crate::ids::ImportId;
use crate::platform::Platform;
use crate::storage::{Files, OpenFile};
use futures::FutureExt;
use futures::channel::oneshot;
use std::collections::BTreeMap;

/// In one go.
const READ_BYTES: u64 = 8 << 20;
/// Of so many files a read is under way while others are wanted, as long as each of them is in memory.
const FILES_AHEAD: usize = 3;

pub(super) struct Source<P: Platform> {
    platform: P,
    job: ImportId,
    places: Vec<Place<P>>,
    ahead: BTreeMap<usize, oneshot::Receiver<Result<Option<Read<P>>>>>,
    /// Filling a new buffer with zeros first would take as long as reading into it.
    used: Option<Vec<u8>>,
}

/// How far a file is read.
struct Place<P: Platform> {
    piece: u32,
    offset: u64,
    /// That piece, if something of it was read.
    open: Option<<P::Files as Files>::File>,
}

struct Read<P: Platform> {
    bytes: Vec<u8>,
    then: Place<P>,
}

pub(super) enum Next {
    Bytes(Vec<u8>),
    End,
    /// It has not come yet.
    Missing,
}

impl<P: Platform> Place<P> {
    fn start_of(piece: u32) -> Self {
        Place { piece, offset: 0, open: None }
    }
}

impl<P: Platform> Source<P> {
    pub fn new(platform: P, job: ImportId, files: usize) -> Self {
        Source {
            platform,
            job,
            places: (0..files).map(|_| Place::start_of(0)).collect(),
            ahead: BTreeMap::new(),
            used: None,
        }
    }

    /// What follows in a file, which is `known` so far.
    pub async fn next(&mut self, file: usize, known: &SourceFile) -> Result<Next> {
        let mut read = None;
        if let Some(ahead) = self.ahead.remove(&file) {
            read = ahead.await.unwrap_or(Ok(None))?;
        }
        if read.is_none() {
            if known.expected_pieces == Some(self.places[file].piece) {
                return Ok(Next::End);
            }
            // What was not there when it was looked for ahead may be there now.
            read = self.read(file, known).await?;
        }
        let Some(Read { bytes, then }) = read else { return Ok(Next::Missing) };
        self.places[file] = then;
        if self.ahead.len() < FILES_AHEAD && known.expected_pieces != Some(self.places[file].piece) {
            let (sender, read) = oneshot::channel();
            let reading = self.read(file, known);
            let task = async move {
                // Nobody waits for it when the job has ended.
                let _ = sender.send(reading.await);
            };
            self.platform.spawn(task.boxed_local());
            self.ahead.insert(file, read);
        }
        Ok(Next::Bytes(bytes))
    }

    /// Gives back what `next` has given.
    pub fn take_back(&mut self, bytes: Vec<u8>) {
        self.used = Some(bytes);
    }

    /// Reads on from the place in a file, which loses what it has open by it; `None` if nothing is there to be read.
    fn read(&mut self, file: usize, known: &SourceFile) -> impl Future<Output = Result<Option<Read<P>>>> + use<P> {
        let place = &mut self.places[file];
        let Place { piece, offset, open } = Place { open: place.open.take(), ..*place };
        let name = source_piece(self.job, file, known.attempt, piece);
        let (platform, is_stored) = (self.platform.clone(), known.pieces.is_some());
        let mut bytes = self.used.take().unwrap_or_default();
        async move {
            let read = async {
                let open = match open {
                    Some(open) => open,
                    None => platform.files().open(&name).await?,
                };
                let end = open.bytes().min(offset + READ_BYTES);
                bytes.resize((end - offset) as usize, 0);
                open.read(offset, &mut bytes).await?;
                let is_over = end == open.bytes();
                let on = || Place { piece, offset: end, open: Some(open) };
                Ok(Read { bytes, then: if is_over { Place::start_of(piece + 1) } else { on() } })
            };
            match read.await {
                Err(Error::KeyNotFound { .. }) if !is_stored => Ok(None),
                // Of what was lent the page may be gone; the store has it or will not get it.
                Err(Error::Io { .. }) if !is_stored => Ok(None),
                read => read.map(Some),
            }
        }
    }
}
