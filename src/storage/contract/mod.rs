//! The contract of `Records` and `Files` as checks that run over any implementation, natively and in a browser.
//!
//! A test binary makes one test of each check with `storage_contract!(its_macro)`, which calls `its_macro!(name)` for every
//! check. A check panics where the contract is broken.

mod files;
mod records;

pub use files::*;
pub use records::*;

use super::Storage;

/// Where one check keeps its data: empty at first, and every opening is another handle to the same data.
pub trait Place {
    type Storage: Storage;

    async fn open(&self) -> Self::Storage;
}

#[macro_export]
macro_rules! storage_contract {
    ($test:ident) => {
        $test!(epochs_rise);
        $test!(stale_owner_is_fenced);
        $test!(head_cannot_be_written);
        $test!(batches_change_several_stores);
        $test!(deletes_come_before_puts);
        $test!(range_deletes_are_half_open);
        $test!(batches_commit_in_the_order_of_their_calls);
        $test!(a_take_over_fences_what_is_called_after_it);
        $test!(reads_after_the_call_of_a_take_over_miss_nothing);
        $test!(reads_see_whole_batches);
        $test!(scans_are_ordered_half_open_and_limited);
        $test!(values_are_any_bytes);
        $test!(large_values_and_many_keys);
        $test!(records_survive_reopening);
        $test!(files_are_read_by_range);
        $test!(reads_out_of_bounds_fail);
        $test!(missing_files_have_no_size);
        $test!(files_are_listed_by_prefix);
        $test!(files_are_replaced_whole);
        $test!(files_are_deleted);
        $test!(large_files_survive_reopening);
        $test!(file_names_are_checked);
        $test!(files_are_read_while_others_are_written);
        $test!(many_files_are_written_at_one_time);
        $test!(fetched_bytes_are_counted_by_file);
        $test!(open_files_stay_readable);
        $test!(several_handles_have_a_file_open);
        $test!(single_rows_are_read_at_once);
    };
}

/// Bytes that differ from place to place, also between chunks.
fn pattern(bytes: usize) -> Vec<u8> {
    let words = (0..bytes as u64 / 8 + 1).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut pattern = bytemuck::cast_slice(&words.collect::<Vec<u64>>()).to_vec();
    pattern.truncate(bytes);
    pattern
}
