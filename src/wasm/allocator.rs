//! The system's allocator, with a count of the bytes in use: a role's memory is told by what it holds, not by what its
//! instance once had to take.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static ALLOCATED_BYTES: AtomicUsize = AtomicUsize::new(0);

struct Counting;

pub fn allocated_bytes() -> u64 {
    ALLOCATED_BYTES.load(Relaxed) as u64
}

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(0, layout.size(), unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(0, layout.size(), unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(layout.size(), new_size, unsafe { System.realloc(at, layout, new_size) })
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        ALLOCATED_BYTES.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}

fn count(before: usize, after: usize, at: *mut u8) -> *mut u8 {
    if !at.is_null() {
        ALLOCATED_BYTES.fetch_add(after.wrapping_sub(before), Relaxed);
    }
    at
}
