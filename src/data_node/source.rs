//! The bytes of an import's files, read a little ahead of who wants them: pieces that the store has, or that it was lent
//! while it still writes them.

use crate::catalog::{SourceFile, source_piece};
use crate::error::{Error, Result};
use crate::ids::ImportId;
use crate::import::{Chunk, MAX_BATCH_BYTES};
use crate::platform::Platform;
use crate::sorted::SortedMap;
use crate::storage::{Files, OpenFile};
use futures::FutureExt;
use futures::channel::oneshot;
use std::collections::VecDeque;

/// In one go.
const READ_BYTES: u64 = 8 << 20;
/// In front of what is read: enough for the rows that its reader has not taken by then, as a rule.
const ROOM_BYTES: usize = MAX_BATCH_BYTES;
/// Of so many files what follows is read or in memory before it is wanted.
const FILES_AHEAD: usize = 3;

pub(super) struct Source<P: Platform> {
    platform: P,
    job: ImportId,
    places: Vec<ReadTo<P>>,
    ahead: SortedMap<usize, oneshot::Receiver<Result<Option<Read<P>>>>>,
    /// The last files that were wanted. What others have next is not wanted for long.
    recent: VecDeque<usize>,
    /// Filling a new buffer with zeros first would take as long as reading into it.
    used: Option<Vec<u8>>,
}

/// How far a file is read.
struct ReadTo<P: Platform> {
    piece: u32,
    offset: u64,
    /// That piece, if something of it was read.
    open: Option<<P::Files as Files>::File>,
}

struct Read<P: Platform> {
    chunk: Chunk,
    then: ReadTo<P>,
}

pub(super) enum Next {
    Bytes(Chunk),
    End,
    /// It has not come yet.
    Missing,
}

impl<P: Platform> ReadTo<P> {
    fn start_of(piece: u32) -> Self {
        ReadTo { piece, offset: 0, open: None }
    }
}

impl<P: Platform> Source<P> {
    pub fn new(platform: P, job: ImportId, files: usize) -> Self {
        Source {
            platform,
            job,
            places: (0..files).map(|_| ReadTo::start_of(0)).collect(),
            ahead: SortedMap::new(),
            recent: VecDeque::new(),
            used: None,
        }
    }

    /// What follows in a file; of all files it is `known` how much there is so far.
    pub async fn next(&mut self, file: usize, known: &[SourceFile]) -> Result<Next> {
        let mut read = None;
        if self.recent.is_empty() {
            // All are wanted at the beginning.
            (0..known.len()).for_each(|file| self.read_ahead(file, known));
        }
        if let Some(ahead) = self.ahead.remove(&file) {
            read = ahead.await.unwrap_or(Ok(None))?;
        }
        if read.is_none() {
            if self.is_at_end(file, known) {
                return Ok(Next::End);
            }
            // What was not there when it was looked for ahead may be there now.
            read = self.read(file, &known[file]).await?;
        }
        let Some(Read { chunk, then }) = read else { return Ok(Next::Missing) };
        self.places[file] = then;
        if self.recent.contains(&file) || known.len() <= FILES_AHEAD {
            self.read_ahead(file, known);
        }
        if self.recent.len() > FILES_AHEAD {
            self.recent.pop_front();
        }
        self.recent.push_back(file);
        Ok(Next::Bytes(chunk))
    }

    fn is_at_end(&self, file: usize, known: &[SourceFile]) -> bool {
        known[file].expected_pieces == Some(self.places[file].piece)
    }

    fn read_ahead(&mut self, file: usize, known: &[SourceFile]) {
        // One that is under way may have what can be opened only once.
        if self.ahead.contains_key(&file) || self.ahead.len() >= FILES_AHEAD || self.is_at_end(file, known) {
            return;
        }
        let (sender, read) = oneshot::channel();
        let reading = self.read(file, &known[file]);
        let task = async move {
            // Nobody waits for it when the job has ended.
            let _ = sender.send(reading.await);
        };
        self.platform.spawn(task.boxed_local());
        self.ahead.insert(file, read);
    }

    /// Gives back a buffer, to be read into.
    pub fn take_back(&mut self, buffer: Vec<u8>) {
        self.used = Some(buffer);
    }

    /// Reads on from the place in a file, which loses what it has open by it; `None` if nothing is there to be read.
    fn read(&mut self, file: usize, known: &SourceFile) -> impl Future<Output = Result<Option<Read<P>>>> + use<P> {
        let place = &mut self.places[file];
        let ReadTo { piece, offset, open } = ReadTo { open: place.open.take(), ..*place };
        let name = source_piece(self.job, file, known.attempt, piece);
        let (platform, is_stored) = (self.platform.clone(), known.pieces.is_some());
        let buffer = self.used.take().unwrap_or_default();
        async move {
            let read = async {
                let open = match open {
                    Some(open) => open,
                    None => platform.files().open(&name).await?,
                };
                let end = open.bytes().min(offset + READ_BYTES);
                let mut chunk = Chunk::in_buffer(buffer, ROOM_BYTES, (end - offset) as usize);
                open.read(offset, chunk.bytes_mut()).await?;
                let is_over = end == open.bytes();
                let on = || ReadTo { piece, offset: end, open: Some(open) };
                Ok(Read { chunk, then: if is_over { ReadTo::start_of(piece + 1) } else { on() } })
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
