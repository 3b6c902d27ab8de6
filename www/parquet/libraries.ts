// Everything that comes from other packages.

export { parquetMetadataAsync, parquetSchema, type FileMetaData, type SchemaElement, type SchemaTree } from 'hyparquet';
export { parquetHeader } from 'hyparquet/src/column.js';
export { convert, DEFAULT_PARSERS } from 'hyparquet/src/convert.js';
export { decompressPage } from 'hyparquet/src/datapage.js';
export { deltaBinaryUnpack, deltaByteArray, deltaLengthByteArray } from 'hyparquet/src/delta.js';
export { byteStreamSplit } from 'hyparquet/src/encoding.js';
export { readPlain } from 'hyparquet/src/plain.js';
export { getMaxDefinitionLevel, getMaxRepetitionLevel, getTreePath, isListLike, isMapLike } from 'hyparquet/src/schema.js';
export { readVarInt } from 'hyparquet/src/thrift.js';
export type { ColumnMetaData, Compressors, DataReader, DecodedArray, PageHeader } from 'hyparquet/src/types.js';

// Not the package's index, which would bring Brotli along: its dictionary is larger than all else here.
export { gunzip } from 'hyparquet-compressors/src/gzip.js';
export { decompressLz4, decompressLz4Raw } from 'hyparquet-compressors/src/lz4.js';
export { decompress as decompressZstd } from 'fzstd';

export { ByteWriter, ParquetWriter } from 'hyparquet-writer';
export { writeColumn } from 'hyparquet-writer/src/column.js';
export type { ColumnEncoder, PageData } from 'hyparquet-writer/src/types.js';
