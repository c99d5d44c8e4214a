#include "server/jobs/sqlite/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/jobs/state_errors.h"

namespace halftone {
namespace {

constexpr int kBusyTimeoutMs = 5000;

// Whether an error of input and output is that of a full disk, which shows up as a failed write
// where SQLite could not reserve the space before, or when what was written is to be kept for good;
// the system's own error is not always kept.
bool IsFull(sqlite3* database, int code) {
  for (const int failed : {SQLITE_IOERR_WRITE, SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_FSYNC,
                           SQLITE_IOERR_DIR_FSYNC, SQLITE_IOERR_TRUNCATE}) {
    if (code == failed) return true;
  }
  const int error = database != nullptr ? sqlite3_system_errno(database) : 0;
  return error == ENOSPC || error == EDQUOT;
}

// The error of a full disk, with the database's folder and what to do.
absl::Status NoRoom(sqlite3* database, absl::string_view message) {
  const char* const file = database != nullptr ? sqlite3_db_filename(database, "main") : nullptr;
  const absl::string_view path = file != nullptr ? file : "";
  return absl::ResourceExhaustedError(absl::StrCat("no room in '", path.substr(0, path.rfind('/')),
                                                   "': ", message, ": ", kMakeRoom));
}

absl::Status ToStatus(sqlite3* database, int code, absl::string_view what) {
  const std::string message = absl::StrCat(
      what, ": ", database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code));
  switch (code & 0xff) {
    case SQLITE_FULL:
      return NoRoom(database, message);
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
      return absl::ResourceExhaustedError(message);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::UnavailableError(message);
    case SQLITE_CONSTRAINT:
      return absl::AlreadyExistsError(message);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::DataLossError(message);
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return absl::PermissionDeniedError(message);
    case SQLITE_IOERR:
      return IsFull(database, code) ? NoRoom(database, message) : absl::InternalError(message);
    default:
      return absl::InternalError(message);
  }
}

}  // namespace

struct Database::Connection {
  sqlite3* handle = nullptr;
  absl::flat_hash_map<std::string, sqlite3_stmt*> statements;

  ~Connection() {
    for (auto& [sql, statement] : statements) sqlite3_finalize(statement);
    sqlite3_close(handle);
  }
};

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_),
      statement_(std::exchange(other.statement_, nullptr)),
      bind_error_(other.bind_error_) {}

Statement::~Statement() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Statement& Statement::Bind(int index, int64_t value) {
  const int code = sqlite3_bind_int64(statement_, index, value);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::Bind(int index, double value) {
  const int code = sqlite3_bind_double(statement_, index, value);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::Bind(int index, absl::string_view value) {
  const int code =
      sqlite3_bind_text64(statement_, index, value.data() == nullptr ? "" : value.data(),
                          value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::BindBlob(int index, absl::string_view value) {
  const int code =
      sqlite3_bind_blob64(statement_, index, value.data() == nullptr ? "" : value.data(),
                          value.size(), SQLITE_TRANSIENT);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

absl::StatusOr<bool> Statement::Step() {
  if (bind_error_ != 0) return ToStatus(database_, bind_error_, "binding a parameter");
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return ToStatus(database_, sqlite3_extended_errcode(database_), "database");
}

absl::Status Statement::Run() { return Step().status(); }

int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_, column); }

double Statement::Real(int column) const { return sqlite3_column_double(statement_, column); }

std::string Statement::Text(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return data == nullptr ? std::string() : std::string(data, static_cast<size_t>(size));
}

Database::Database(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

absl::StatusOr<Database> Database::Open(const std::string& path, Sharing sharing) {
  // SQLite's files are like the first: for the user alone, since jobs' names and specs are in them.
  // Of one that is there nothing is opened: to close it would take this process's locks.
  const int made = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (made >= 0) ::close(made);
  auto connection = std::make_unique<Connection>();
  const int code =
      sqlite3_open_v2(path.c_str(), &connection->handle,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  if (code != SQLITE_OK) {
    return ToStatus(connection->handle, code, absl::StrCat("cannot open '", path, "'"));
  }
  sqlite3_extended_result_codes(connection->handle, 1);
  sqlite3_busy_timeout(connection->handle, kBusyTimeoutMs);
  Database database(std::move(connection));
  // Before the log is looked at, for it is then that its index is made.
  const char* locking = sharing == Sharing::kAlone ? "PRAGMA locking_mode = EXCLUSIVE;" : "";
  HT_RETURN_IF_ERROR(
      Annotate(database.Execute(absl::StrCat(locking,
                                             "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                             "PRAGMA foreign_keys = ON;")),
               absl::StrCat("cannot open '", path, "'")));
  return database;
}

absl::StatusOr<Statement> Database::Prepare(absl::string_view sql) {
  auto found = connection_->statements.find(sql);
  if (found == connection_->statements.end()) {
    sqlite3_stmt* statement = nullptr;
    const int code =
        sqlite3_prepare_v3(connection_->handle, sql.data(), static_cast<int>(sql.size()),
                           SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) return ToStatus(connection_->handle, code, "preparing a statement");
    found = connection_->statements.emplace(std::string(sql), statement).first;
  }
  return Statement(connection_->handle, found->second);
}

absl::Status Database::Execute(const std::string& sql) {
  const int code = sqlite3_exec(connection_->handle, sql.c_str(), nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) return absl::OkStatus();
  return ToStatus(connection_->handle, sqlite3_extended_errcode(connection_->handle), "database");
}

absl::Status Database::EnsureSchema(absl::Span<const char* const> steps) {
  HT_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(*this));
  const int64_t newest = static_cast<int64_t>(steps.size());
  int64_t found = 0;
  {
    HT_ASSIGN_OR_RETURN(Statement statement, Prepare("PRAGMA user_version"));
    HT_RETURN_IF_ERROR(statement.Step().status());
    found = statement.Int(0);
  }
  if (found == newest) return transaction.Commit();
  if (found < 0 || found > newest) {
    return absl::FailedPreconditionError(
        absl::StrCat("the database has schema version ", found, ", this program knows those up to ",
                     newest, ": use the newer program that wrote it, or another --state-dir"));
  }
  for (const char* step : steps.subspan(static_cast<size_t>(found))) {
    HT_RETURN_IF_ERROR(Execute(step));
  }
  HT_RETURN_IF_ERROR(Execute(absl::StrCat("PRAGMA user_version = ", newest)));
  return transaction.Commit();
}

int64_t Database::Changes() const { return sqlite3_changes64(connection_->handle); }

absl::Status Database::LimitPages(int64_t pages) {
  return Execute(absl::StrCat("PRAGMA max_page_count = ", pages));
}

absl::StatusOr<Transaction> Transaction::Begin(Database& database) {
  HT_RETURN_IF_ERROR(database.Execute("BEGIN IMMEDIATE"));
  return Transaction(&database);
}

Transaction::~Transaction() {
  // After some errors SQLite has rolled back by itself; that this then fails is of no matter.
  if (database_ != nullptr) database_->Execute("ROLLBACK").IgnoreError();
}

absl::Status Transaction::Commit() {
  HT_RETURN_IF_ERROR(database_->Execute("COMMIT"));
  database_ = nullptr;
  return absl::OkStatus();
}

}  // namespace halftone
