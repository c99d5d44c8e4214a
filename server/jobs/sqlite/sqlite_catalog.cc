#include "server/jobs/sqlite/sqlite_catalog.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/shown_text.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

ContentRecord ReadRecord(const Statement& statement) {
  ContentRecord record;
  record.sha256 = statement.Text(1);
  record.display_name = statement.Text(2);
  record.size_bytes = statement.Int(3);
  record.create_time = absl::FromUnixNanos(statement.Int(4));
  record.use_time = absl::FromUnixNanos(statement.Int(5));
  return record;
}

std::string TokenStart(ContentKind kind) { return absl::StrCat(CollectionOf(kind), "."); }

// A token is "<collection>.<number of the last upload seen>".
absl::StatusOr<int64_t> ParsePageToken(absl::string_view token, ContentKind kind) {
  if (token.empty()) return INT64_MAX;
  int64_t number = 0;
  absl::string_view digits = token;
  if (!absl::ConsumePrefix(&digits, TokenStart(kind)) || !absl::SimpleAtoi(digits, &number) ||
      number < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(Quoted(token), " is malformed or of another list than ", CollectionOf(kind)));
  }
  return number;
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
                            "create_ns, used_ns) VALUES (?, ?, ?, ?, ?, ?) "
                            "ON CONFLICT DO UPDATE SET used_ns = excluded.used_ns"));
    const int64_t now = absl::ToUnixNanos(clock_->Now());
    insert.Bind(1, static_cast<int64_t>(kind)).Bind(2, sha256).Bind(3, display_name);
    insert.Bind(4, size_bytes).Bind(5, now).Bind(6, now);
    HT_RETURN_IF_ERROR(insert.Run());
  }
  return Find(kind, sha256);
}

absl::StatusOr<ContentRecord> SqliteCatalog::Find(ContentKind kind,
                                                  const std::string& sha256) const {
  absl::MutexLock lock(&database_->mutex);
  HT_ASSIGN_OR_RETURN(
      Statement select,
      database_->connection.Prepare("SELECT number, sha256, display_name, size_bytes, create_ns, "
                                    "used_ns FROM contents WHERE kind = ? AND sha256 = ?"));
  select.Bind(1, static_cast<int64_t>(kind)).Bind(2, sha256);
  HT_ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) {
    return absl::NotFoundError(
        absl::StrCat("there is no '", CollectionOf(kind), "/", sha256, "': upload it first"));
  }
  ContentRecord record = ReadRecord(select);
  if (clock_->Now() - record.use_time < kNoteUses) return record;
  HT_ASSIGN_OR_RETURN(Statement note, database_->connection.Prepare(
                                          "UPDATE contents SET used_ns = ? WHERE number = ?"));
  note.Bind(1, absl::ToUnixNanos(clock_->Now())).Bind(2, select.Int(0));
  // On a full disk, what is there can still be read.
  if (note.Run().ok()) record.use_time = clock_->Now();
  return record;
}

absl::StatusOr<bool> SqliteCatalog::RemoveUnused(ContentKind kind, const std::string& sha256,
                                                 absl::Time since) {
  absl::MutexLock lock(&database_->mutex);
  HT_RETURN_IF_ERROR(database_->ChangeWithReserve([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    absl::StatusOr<Statement> remove = database_->connection.Prepare(
        "DELETE FROM contents WHERE kind = ? AND sha256 = ? AND used_ns < ?");
    if (!remove.ok()) return remove.status();
    remove->Bind(1, static_cast<int64_t>(kind)).Bind(2, sha256).Bind(3, absl::ToUnixNanos(since));
    return remove->Run();
  }));
  return database_->connection.Changes() > 0;
}

absl::StatusOr<ContentPage> SqliteCatalog::List(ContentKind kind, int page_size,
                                                const std::string& page_token) const {
  HT_ASSIGN_OR_RETURN(const int64_t before, ParsePageToken(page_token, kind));
  absl::MutexLock lock(&database_->mutex);
  HT_ASSIGN_OR_RETURN(
      Statement select,
      database_->connection.Prepare("SELECT number, sha256, display_name, size_bytes, create_ns, "
                                    "used_ns FROM contents WHERE kind = ? AND number < ? "
                                    "ORDER BY number DESC LIMIT ?"));
  select.Bind(1, static_cast<int64_t>(kind)).Bind(2, before).Bind(3, int64_t{page_size} + 1);
  ContentPage page;
  int64_t last = 0;
  while (true) {
    HT_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) break;
    if (static_cast<int>(page.contents.size()) == page_size) {
      page.next_page_token = absl::StrCat(TokenStart(kind), last);
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

}  // namespace halftone
