#include "server/jobs/sqlite/sqlite_catalog.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

absl::string_view CollectionOf(ContentKind kind) {
  switch (kind) {
    case ContentKind::kModel:
      return "models";
    case ContentKind::kDataset:
      return "datasets";
    case ContentKind::kTargetFile:
      return "targets";
  }
  return "";
}

ContentRecord ReadRecord(const Statement& statement) {
  ContentRecord record;
  record.sha256 = statement.Text(1);
  record.display_name = statement.Text(2);
  record.size_bytes = statement.Int(3);
  record.create_time = absl::FromUnixNanos(statement.Int(4));
  return record;
}

}  // namespace

absl::StatusOr<ContentRecord> SqliteCatalog::Add(ContentKind kind, const std::string& sha256,
                                                 const std::string& display_name,
                                                 int64_t size_bytes) {
  {
    absl::MutexLock lock(&database_->mutex);
    HT_ASSIGN_OR_RETURN(Statement insert,
                        database_->connection.Prepare(
                            "INSERT INTO contents (kind, sha256, display_name, size_bytes, "
                            "create_ns) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"));
    insert.Bind(1, static_cast<int64_t>(kind)).Bind(2, sha256).Bind(3, display_name);
    insert.Bind(4, size_bytes).Bind(5, absl::ToUnixNanos(clock_->Now()));
    HT_RETURN_IF_ERROR(insert.Run());
  }
  return Find(kind, sha256);
}

absl::StatusOr<ContentRecord> SqliteCatalog::Find(ContentKind kind,
                                                  const std::string& sha256) const {
  absl::MutexLock lock(&database_->mutex);
  HT_ASSIGN_OR_RETURN(
      Statement select,
      database_->connection.Prepare("SELECT number, sha256, display_name, size_bytes, create_ns "
                                    "FROM contents WHERE kind = ? AND sha256 = ?"));
  select.Bind(1, static_cast<int64_t>(kind)).Bind(2, sha256);
  HT_ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) {
    return absl::NotFoundError(
        absl::StrCat("there is no '", CollectionOf(kind), "/", sha256, "': upload it first"));
  }
  return ReadRecord(select);
}

absl::StatusOr<ContentPage> SqliteCatalog::List(ContentKind kind, int page_size,
                                                const std::string& page_token) const {
  int64_t before = INT64_MAX;
  if (!page_token.empty() && !absl::SimpleAtoi(page_token, &before)) {
    return absl::InvalidArgumentError(absl::StrCat("page_token '", page_token, "' is malformed"));
  }
  absl::MutexLock lock(&database_->mutex);
  HT_ASSIGN_OR_RETURN(
      Statement select,
      database_->connection.Prepare("SELECT number, sha256, display_name, size_bytes, create_ns "
                                    "FROM contents WHERE kind = ? AND number < ? "
                                    "ORDER BY number DESC LIMIT ?"));
  select.Bind(1, static_cast<int64_t>(kind)).Bind(2, before).Bind(3, int64_t{page_size} + 1);
  ContentPage page;
  int64_t last = 0;
  while (true) {
    HT_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) break;
    if (static_cast<int>(page.contents.size()) == page_size) {
      page.next_page_token = absl::StrCat(last);
      break;
    }
    last = select.Int(0);
    page.contents.push_back(ReadRecord(select));
  }
  return page;
}

absl::StatusOr<std::string> SqliteCatalog::LoadBlob(const std::string& sha256) {
  return blobs_->Load(sha256);
}

absl::StatusOr<std::string> SqliteCatalog::StoreBlob(absl::string_view bytes) {
  return blobs_->Store(bytes);
}

absl::StatusOr<std::string> SqliteCatalog::LoadStage(Stage stage, const std::string& key) {
  std::string sha256;
  {
    absl::MutexLock lock(&database_->mutex);
    HT_ASSIGN_OR_RETURN(Statement select,
                        database_->connection.Prepare(
                            "SELECT sha256 FROM stage_outputs WHERE stage = ? AND key = ?"));
    select.Bind(1, static_cast<int64_t>(stage) + 1).Bind(2, key);
    HT_ASSIGN_OR_RETURN(const bool found, select.Step());
    if (!found) return absl::NotFoundError(absl::StrCat("no stored output with key ", key));
    sha256 = select.Text(0);
  }
  absl::StatusOr<std::string> bytes = blobs_->Load(sha256);
  if (absl::IsDataLoss(bytes.status())) {
    HT_RETURN_IF_ERROR(blobs_->Remove(sha256));
    return absl::NotFoundError(absl::StrCat("the stored output with key ", key, " is damaged"));
  }
  return bytes;
}

absl::Status SqliteCatalog::StoreStage(Stage stage, const std::string& key,
                                       absl::string_view bytes) {
  HT_ASSIGN_OR_RETURN(const std::string sha256, blobs_->Store(bytes));
  absl::MutexLock lock(&database_->mutex);
  HT_ASSIGN_OR_RETURN(
      Statement insert,
      database_->connection.Prepare("INSERT OR REPLACE INTO stage_outputs (stage, key, sha256, "
                                    "create_ns) VALUES (?, ?, ?, ?)"));
  insert.Bind(1, static_cast<int64_t>(stage) + 1).Bind(2, key).Bind(3, sha256);
  insert.Bind(4, absl::ToUnixNanos(clock_->Now()));
  return insert.Run();
}

absl::StatusOr<std::string> SqliteCostCache::Load(const std::string& key) {
  absl::MutexLock lock(&database_->mutex);
  HT_ASSIGN_OR_RETURN(Statement select, database_->connection.Prepare(
                                            "SELECT value FROM measured_costs WHERE key = ?"));
  select.Bind(1, key);
  HT_ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return absl::NotFoundError(absl::StrCat("no measured cost with key ", key));
  return select.Text(0);
}

absl::Status SqliteCostCache::Store(const std::string& key, absl::string_view value) {
  absl::MutexLock lock(&database_->mutex);
  HT_ASSIGN_OR_RETURN(Statement insert,
                      database_->connection.Prepare(
                          "INSERT OR REPLACE INTO measured_costs (key, value) VALUES (?, ?)"));
  insert.Bind(1, key).BindBlob(2, value);
  return insert.Run();
}

}  // namespace halftone
