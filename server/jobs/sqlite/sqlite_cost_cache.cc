#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/jobs/sqlite/sqlite_catalog.h"

namespace halftone {
namespace {

// A profile loads thousands of costs: their uses are noted to the day.
constexpr absl::Duration kNoteUses = absl::Hours(24);

}  // namespace

absl::StatusOr<std::string> SqliteCostCache::Load(const std::string& key) {
  absl::MutexLock lock(&database_->mutex);
  HT_ASSIGN_OR_RETURN(
      Statement select,
      database_->connection.Prepare("SELECT value, used_ns FROM measured_costs WHERE key = ?"));
  select.Bind(1, key);
  HT_ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return absl::NotFoundError(absl::StrCat("no measured cost with key ", key));
  std::string value = select.Text(0);
  if (clock_->Now() - absl::FromUnixNanos(select.Int(1)) < kNoteUses) return value;
  HT_ASSIGN_OR_RETURN(Statement note, database_->connection.Prepare(
                                          "UPDATE measured_costs SET used_ns = ? WHERE key = ?"));
  note.Bind(1, absl::ToUnixNanos(clock_->Now())).Bind(2, key);
  // On a full disk, what is there can still be read.
  note.Run().IgnoreError();
  return value;
}

absl::Status SqliteCostCache::Store(const std::string& key, absl::string_view value) {
  absl::MutexLock lock(&database_->mutex);
  HT_ASSIGN_OR_RETURN(
      Statement insert,
      database_->connection.Prepare(
          "INSERT OR REPLACE INTO measured_costs (key, value, used_ns) VALUES (?, ?, ?)"));
  insert.Bind(1, key).BindBlob(2, value).Bind(3, absl::ToUnixNanos(clock_->Now()));
  return insert.Run();
}

absl::StatusOr<CostStore::Pruned> SqliteCostCache::Prune(absl::Time since, absl::Time oldest,
                                                         int64_t bytes) {
  absl::MutexLock lock(&database_->mutex);
  return database_->ChangeWithReserve(
      [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return WritePruning(since, oldest, bytes); });
}

absl::StatusOr<CostStore::Pruned> SqliteCostCache::WritePruning(absl::Time since, absl::Time oldest,
                                                                int64_t bytes) {
  HT_ASSIGN_OR_RETURN(
      Statement remove,
      database_->connection.Prepare(
          "DELETE FROM measured_costs WHERE key IN (SELECT key FROM (SELECT key, used_ns, "
          "sum(length(key) + length(value)) OVER (ORDER BY used_ns DESC, key) AS kept "
          "FROM measured_costs) WHERE used_ns < ? AND (used_ns < ? OR kept > ?)) "
          "RETURNING length(key) + length(value)"));
  remove.Bind(1, absl::ToUnixNanos(since)).Bind(2, absl::ToUnixNanos(oldest)).Bind(3, bytes);
  Pruned pruned;
  while (true) {
    HT_ASSIGN_OR_RETURN(const bool row, remove.Step());
    if (!row) return pruned;
    ++pruned.costs;
    pruned.bytes += remove.Int(0);
  }
}

}  // namespace halftone
