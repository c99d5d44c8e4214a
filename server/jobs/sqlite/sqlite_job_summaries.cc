// The part of SqliteJobStore that gives jobs of earlier versions what later ones are stored with.
#include <optional>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "server/jobs/sqlite/sqlite_job_store.h"

namespace halftone {

absl::StatusOr<std::vector<int64_t>> SqliteJobStore::WithoutSummary() const {
  absl::MutexLock lock(&database_->mutex);
  HT_ASSIGN_OR_RETURN(Statement select, database_->connection.Prepare(
                                            "SELECT number FROM jobs WHERE length(summary) = 0"));
  std::vector<int64_t> numbers;
  while (true) {
    HT_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return numbers;
    numbers.push_back(select.Int(0));
  }
}

absl::StatusOr<std::optional<std::string>> SqliteJobStore::SpecOf(int64_t number) const {
  absl::MutexLock lock(&database_->mutex);
  HT_ASSIGN_OR_RETURN(Statement select,
                      database_->connection.Prepare("SELECT spec FROM job_specs WHERE job = ?"));
  select.Bind(1, number);
  HT_ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return std::nullopt;
  return select.Text(0);
}

absl::Status SqliteJobStore::WriteSummary(int64_t number, const std::string& summary) {
  absl::MutexLock lock(&database_->mutex);
  HT_ASSIGN_OR_RETURN(Statement update, database_->connection.Prepare(
                                            "UPDATE jobs SET summary = ? WHERE number = ?"));
  update.BindBlob(1, summary).Bind(2, number);
  return update.Run();
}

absl::StatusOr<int> SqliteJobStore::AddSummaries(const Summarize& summarize) {
  HT_ASSIGN_OR_RETURN(const std::vector<int64_t> numbers, WithoutSummary());
  int added = 0;
  for (const int64_t number : numbers) {
    HT_ASSIGN_OR_RETURN(const std::optional<std::string> spec, SpecOf(number));
    if (!spec.has_value()) continue;
    const absl::StatusOr<std::string> summary = summarize(*spec);
    if (!summary.ok()) continue;
    HT_RETURN_IF_ERROR(WriteSummary(number, *summary));
    ++added;
  }
  return added;
}

}  // namespace halftone
