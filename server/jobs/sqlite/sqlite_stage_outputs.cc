// The part of SqliteCatalog that keeps the outputs of stages.
#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "server/jobs/sqlite/sqlite_catalog.h"

namespace halftone {
namespace {

constexpr absl::string_view kUnknown = "?";

int64_t StageNumber(Stage stage) { return static_cast<int64_t>(stage) + 1; }

std::optional<Sources> ParseSources(const std::string& text) {
  if (text == kUnknown) return std::nullopt;
  return Sources(absl::StrSplit(text, ',', absl::SkipEmpty()));
}

std::string SourcesText(const std::optional<Sources>& sources) {
  return sources.has_value() ? absl::StrJoin(*sources, ",") : std::string(kUnknown);
}

// What an output depends on that comes out of both, sorted.
std::optional<Sources> InCommon(std::optional<Sources> a, std::optional<Sources> b) {
  for (std::optional<Sources>* sources : {&a, &b}) {
    if (!sources->has_value()) continue;
    std::sort((*sources)->begin(), (*sources)->end());
    (*sources)->erase(std::unique((*sources)->begin(), (*sources)->end()), (*sources)->end());
  }
  if (!a.has_value()) return b;
  if (!b.has_value()) return a;
  Sources common;
  std::set_intersection(a->begin(), a->end(), b->begin(), b->end(), std::back_inserter(common));
  return common;
}

StageRecord ReadStageRecord(const Statement& row) {
  StageRecord record;
  record.stage = static_cast<Stage>(row.Int(0) - 1);
  record.key = row.Text(1);
  record.sha256 = row.Text(2);
  record.sources = ParseSources(row.Text(3));
  record.use_time = absl::FromUnixNanos(row.Int(4));
  return record;
}

}  // namespace

absl::StatusOr<StageRecord> SqliteCatalog::FindStage(Stage stage, const std::string& key) const {
  HT_ASSIGN_OR_RETURN(
      Statement select,
      database_->connection.Prepare("SELECT stage, key, sha256, coalesce(sources, '?'), used_ns "
                                    "FROM stage_outputs WHERE stage = ? AND key = ?"));
  select.Bind(1, StageNumber(stage)).Bind(2, key);
  HT_ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return absl::NotFoundError(absl::StrCat("no stored output with key ", key));
  return ReadStageRecord(select);
}

absl::Status SqliteCatalog::NoteUse(const StageRecord& record) {
  HT_ASSIGN_OR_RETURN(Statement note,
                      database_->connection.Prepare(
                          "UPDATE stage_outputs SET used_ns = ?, sources = nullif(?, '?') "
                          "WHERE stage = ? AND key = ?"));
  note.Bind(1, absl::ToUnixNanos(clock_->Now())).Bind(2, SourcesText(record.sources));
  note.Bind(3, StageNumber(record.stage)).Bind(4, record.key);
  return note.Run();
}

absl::Status SqliteCatalog::CheckSources(const std::optional<Sources>& sources) {
  for (const std::string& sha256 : sources.value_or(Sources())) {
    HT_ASSIGN_OR_RETURN(Statement select,
                        database_->connection.Prepare("SELECT 1 FROM contents WHERE sha256 = ?"));
    select.Bind(1, sha256);
    HT_ASSIGN_OR_RETURN(const bool found, select.Step());
    if (found) continue;
    return absl::NotFoundError(
        absl::StrCat("the upload ", sha256, ", which this is computed from, was deleted"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> SqliteCatalog::Load(Stage stage, const std::string& key,
                                                const std::optional<Sources>& sources) {
  StageRecord record;
  {
    absl::MutexLock lock(&database_->mutex);
    HT_ASSIGN_OR_RETURN(record, FindStage(stage, key));
    const std::optional<Sources> known = InCommon(record.sources, sources);
    if (known != record.sources || clock_->Now() - record.use_time >= kNoteUses) {
      record.sources = known;
      // On a full disk, what is there can still be read.
      NoteUse(record).IgnoreError();
    }
  }
  absl::StatusOr<std::string> bytes = blobs_->Load(record.sha256);
  if (absl::IsDataLoss(bytes.status())) {
    HT_RETURN_IF_ERROR(blobs_->Remove(record.sha256));
    return absl::NotFoundError(absl::StrCat("the stored output with key ", key, " is damaged"));
  }
  return bytes;
}

absl::Status SqliteCatalog::Save(Stage stage, const std::string& key, absl::string_view bytes,
                                 const std::optional<Sources>& sources) {
  HT_ASSIGN_OR_RETURN(const std::string sha256, blobs_->Store(bytes));
  absl::MutexLock lock(&database_->mutex);
  HT_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(database_->connection));
  HT_RETURN_IF_ERROR(CheckSources(sources));
  const absl::StatusOr<StageRecord> before = FindStage(stage, key);
  if (!before.ok() && !absl::IsNotFound(before.status())) return before.status();
  {
    HT_ASSIGN_OR_RETURN(
        Statement insert,
        database_->connection.Prepare("INSERT OR REPLACE INTO stage_outputs (stage, key, sha256, "
                                      "create_ns, used_ns, sources) "
                                      "VALUES (?, ?, ?, ?, ?, nullif(?, '?'))"));
    const int64_t now = absl::ToUnixNanos(clock_->Now());
    insert.Bind(1, StageNumber(stage)).Bind(2, key).Bind(3, sha256).Bind(4, now).Bind(5, now);
    insert.Bind(6, SourcesText(before.ok() ? InCommon(before->sources, sources)
                                           : InCommon(std::nullopt, sources)));
    HT_RETURN_IF_ERROR(insert.Run());
  }
  return transaction.Commit();
}

absl::StatusOr<std::string> SqliteCatalog::LoadStage(Stage stage, const std::string& key) {
  return Load(stage, key, std::nullopt);
}

absl::Status SqliteCatalog::StoreStage(Stage stage, const std::string& key,
                                       absl::string_view bytes) {
  return Save(stage, key, bytes, std::nullopt);
}

absl::StatusOr<std::string> SqliteCatalog::LoadDerived(Stage stage, const std::string& key,
                                                       const Sources& sources) {
  return Load(stage, key, sources);
}

absl::Status SqliteCatalog::StoreDerived(Stage stage, const std::string& key,
                                         absl::string_view bytes, const Sources& sources) {
  return Save(stage, key, bytes, sources);
}

absl::StatusOr<std::vector<StageRecord>> SqliteCatalog::Stages() const {
  absl::MutexLock lock(&database_->mutex);
  HT_ASSIGN_OR_RETURN(
      Statement select,
      database_->connection.Prepare("SELECT stage, key, sha256, coalesce(sources, '?'), used_ns "
                                    "FROM stage_outputs"));
  std::vector<StageRecord> records;
  while (true) {
    HT_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return records;
    records.push_back(ReadStageRecord(select));
  }
}

absl::StatusOr<bool> SqliteCatalog::RemoveUnusedStage(Stage stage, const std::string& key,
                                                      absl::Time since) {
  absl::MutexLock lock(&database_->mutex);
  HT_RETURN_IF_ERROR(database_->ChangeWithReserve([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    absl::StatusOr<Statement> remove = database_->connection.Prepare(
        "DELETE FROM stage_outputs WHERE stage = ? AND key = ? AND used_ns < ?");
    if (!remove.ok()) return remove.status();
    remove->Bind(1, StageNumber(stage)).Bind(2, key).Bind(3, absl::ToUnixNanos(since));
    return remove->Run();
  }));
  return database_->connection.Changes() > 0;
}

}  // namespace halftone
