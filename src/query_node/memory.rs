use super::QueryNode;
use crate::cluster::{NodeMemory, PartitionMemory};
use crate::platform::Platform;
use crate::segment::StoredRows;

impl<P: Platform> QueryNode<P> {
    pub(super) fn memory(&self) -> NodeMemory {
        let loaded = self.loaded.borrow();
        let mut partitions = Vec::new();
        let awaited_bytes = loaded.rows_to_take_in().map(|left| left.rows.bytes()).sum();
        for (id, partition) in &loaded.partitions {
            let name = loaded
                .view
                .iter()
                .find_map(|view| view.partitions.iter().find(|(_, known)| *known == id).map(|(name, _)| name.clone()));
            let mut memory = PartitionMemory::new(name.unwrap_or_else(|| id.to_string()));
            for segment in partition.snapshot(false) {
                memory.rows += segment.live_rows() as u64;
                memory.bytes += segment.deleted.serialized_size() as u64;
                memory.bytes += size_of_val(segment.write_times()) as u64;
                for (field, column) in segment.columns.iter() {
                    *memory.field_bytes.entry(loaded.field_name(*field)).or_default() +=
                        column.allocated_bytes() as u64;
                }
                for (index, of_segment) in segment.indexes.iter() {
                    let name = loaded.indexes.iter().find(|known| known.id == *index).map(|index| index.name.clone());
                    let name = name.unwrap_or_else(|| index.to_string());
                    let recent = segment.stored_rows.get(index).map_or(0, StoredRows::recent_bytes);
                    *memory.index_bytes.entry(name).or_default() += (of_segment.bytes() + recent) as u64;
                }
            }
            memory.bytes += memory.field_bytes.values().chain(memory.index_bytes.values()).sum::<u64>();
            partitions.push(memory);
        }
        NodeMemory { partitions, instance: self.platform.memory(), read_bytes: self.read_bytes(), awaited_bytes }
    }
}
