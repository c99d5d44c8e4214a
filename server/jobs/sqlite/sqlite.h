#ifndef HALFTONE_SERVER_JOBS_SQLITE_SQLITE_H_
#define HALFTONE_SERVER_JOBS_SQLITE_SQLITE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

struct sqlite3;
struct sqlite3_stmt;

namespace halftone {

class Database;

// A prepared statement. Parameters and columns are numbered as SQLite does: parameters from 1,
// columns from 0. Use it like this:
//
//   HT_ASSIGN_OR_RETURN(Statement statement, database.Prepare("SELECT a FROM t WHERE b = ?"));
//   statement.Bind(1, b);
//   while (true) {
//     HT_ASSIGN_OR_RETURN(const bool row, statement.Step());
//     if (!row) break;
//     Use(statement.Int(0));
//   }
//
// An error in Bind is returned by the next Step. Lives no longer than its database.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Statement& Bind(int index, int64_t value);
  Statement& Bind(int index, double value);
  Statement& Bind(int index, absl::string_view value);
  Statement& BindBlob(int index, absl::string_view value);

  // Goes to the next row; false when there is none.
  absl::StatusOr<bool> Step();
  // For statements without rows.
  absl::Status Run();

  int64_t Int(int column) const;
  double Real(int column) const;
  std::string Text(int column) const;  // also blobs

 private:
  friend class Database;
  Statement(sqlite3* database, sqlite3_stmt* statement)
      : database_(database), statement_(statement) {}

  sqlite3* database_;
  sqlite3_stmt* statement_;
  int bind_error_ = 0;
};

// One connection to a SQLite database in WAL mode, with foreign keys enforced and a busy timeout.
// Statements are compiled once and kept. Not thread-safe. Errors: RESOURCE_EXHAUSTED (disk full),
// UNAVAILABLE (locked by another process), ALREADY_EXISTS (constraint), DATA_LOSS (corrupt),
// PERMISSION_DENIED, else INTERNAL; the message holds SQLite's own.
class Database {
 public:
  // Whether other connections may be there. The index of the log, which connections share, is a
  // file that needs room on the disk; who is alone has it in memory.
  enum class Sharing { kWithOthers, kAlone };

  // Opens or creates the file. UNAVAILABLE for who is to be alone and is not; it keeps others out
  // for as long as it lives.
  static absl::StatusOr<Database> Open(const std::string& path,
                                       Sharing sharing = Sharing::kWithOthers);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  absl::StatusOr<Statement> Prepare(absl::string_view sql);
  // Runs statements without parameters or rows, separated by semicolons.
  absl::Status Execute(const std::string& sql);

  // Brings the schema to the newest version, in one transaction: the n-th step makes version n of
  // the version before, the first one of a database without tables. FAILED_PRECONDITION for a
  // version that has no step says what to do.
  absl::Status EnsureSchema(absl::Span<const char* const> steps);

  // Rows changed by the last statement that ran.
  int64_t Changes() const;
  // Limits the file to so many pages (of 4096 bytes): beyond, writes fail as on a full disk.
  absl::Status LimitPages(int64_t pages);

 private:
  struct Connection;
  explicit Database(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

// BEGIN IMMEDIATE ... COMMIT; rolled back when it ends without Commit().
class Transaction {
 public:
  static absl::StatusOr<Transaction> Begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(other.database_) {
    other.database_ = nullptr;
  }
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  absl::Status Commit();

 private:
  explicit Transaction(Database* database) : database_(database) {}
  Database* database_;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_SQLITE_SQLITE_H_
