#include "tests/e2e/server_process.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace halftone {
namespace {

[[noreturn]] void RunServer(const ServerProcess::Options& options, int out) {
  ::dup2(out, STDOUT_FILENO);
  if (options.max_file_bytes > 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const auto limit = static_cast<rlim_t>(options.max_file_bytes);
    const rlimit limits = {limit, limit};
    ::setrlimit(RLIMIT_FSIZE, &limits);
  }
  if (!options.full_disk.empty()) {
    ::setenv("HALFTONE_FULL_DISK", options.full_disk.c_str(), 1);
    ::setenv("LD_PRELOAD", HALFTONE_FULL_DISK_LIBRARY, 1);
    // The sanitizer's own library would have to come first, if it were asked.
    ::setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
  }
  const char* binary = HALFTONE_BINARY_DIR "/bin/halftone-server";
  ::execl(binary, binary, "--address", "127.0.0.1:0", "--state-dir",
          options.state_directory.c_str(), static_cast<char*>(nullptr));
  std::_Exit(127);
}

std::string ReadLine(int file) {
  std::string line;
  char c = 0;
  while (::read(file, &c, 1) == 1 && c != '\n') line.push_back(c);
  return line;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ServerProcess>> ServerProcess::Start(const Options& options) {
  int out[2];
  if (::pipe(out) != 0) return absl::InternalError("pipe");
  const pid_t pid = ::fork();
  if (pid < 0) return absl::InternalError("fork");
  if (pid == 0) RunServer(options, out[1]);
  ::close(out[1]);
  std::unique_ptr<ServerProcess> server(new ServerProcess(pid, out[0]));
  // "halftone-server: listening on 127.0.0.1:PORT, state in ..."
  const std::string line = ReadLine(out[0]);
  const size_t begin = line.find("127.0.0.1:");
  if (begin == std::string::npos) {
    return absl::InternalError(absl::StrCat("the server ended with code ", server->Wait()));
  }
  server->address_ = line.substr(begin, line.find(',', begin) - begin);
  return server;
}

ServerProcess::~ServerProcess() {
  Kill();
  ::close(out_);
}

int ServerProcess::Wait() {
  int status = 0;
  if (pid_ > 0) ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void ServerProcess::Kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  Wait();
}

int ServerProcess::Terminate() {
  if (pid_ <= 0) return -1;
  ::kill(pid_, SIGTERM);
  return Wait();
}

bool ServerProcess::IsRunning() {
  int status = 0;
  if (pid_ <= 0) return false;
  if (::waitpid(pid_, &status, WNOHANG) == 0) return true;
  pid_ = -1;
  return false;
}

}  // namespace halftone
