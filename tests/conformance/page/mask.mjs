// Ids and times are another's in every run: masked, as they are in the recordings.
const times = new Set([
  'timestamp', 'created_timestamp', 'created_utc_timestamp', 'created_timestamps', 'created_utc_timestamps', 'create_ts',
  'session_ts', 'update_timestamp', 'update_timestamp_str',
]);

function maskTime(value) {
  if (Array.isArray(value)) return value.map(maskTime);
  return value === 0 || value === '0' || value === -1 ? value : '<ts>';
}

const isId = key => /(^|_)(id|ids)$/i.test(key) || /IDs?$/.test(key);

export function mask(value, key = '') {
  if (times.has(key)) return maskTime(value);
  if (typeof value === 'string') return value.replace(/\d{15,}/g, '<id>');
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return isId(key) && value > 1e12 ? '<id>' : value;
  if (Array.isArray(value)) return value.map(item => mask(item, key));
  if (!value || typeof value !== 'object') return value;
  if (value instanceof Uint8Array) return { $bytes: [...value] };
  if (value.key === 'persist_cost') return { ...value, value: '<cost>' };
  const kept = Object.entries(value).filter(([, item]) => item !== undefined && typeof item !== 'function');
  return Object.fromEntries(kept.map(([name, item]) => [name, mask(item, name)]));
}
