#include "profilers/remote/listening.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

using ::testing::HasSubstr;

TEST(ListeningTest, AnAddressIsAHostAndAPort) {
  for (const char* address : {"127.0.0.1:50551", "localhost:0", "[::1]:0", "[::]:50551",
                              "0.0.0.0:65535", "unix:/tmp/socket"}) {
    EXPECT_TRUE(CheckListenAddress(address).ok()) << address;
  }
  for (const char* address : {"foo:bar", "", "50551", "localhost", "localhost:", "host:65536",
                              "host:-1", "a b:0", "http://host:80"}) {
    const absl::Status refused = CheckListenAddress(address);
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << address << ": " << refused;
    EXPECT_THAT(std::string(refused.message()), HasSubstr(absl::StrCat("'", address, "'")));
  }
}

TEST(ListeningTest, SaysWhatKeepsAnAddress) {
  const int taken = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at = {};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(taken, reinterpret_cast<sockaddr*>(&at), sizeof(at)), 0);
  ASSERT_EQ(::listen(taken, 1), 0);
  socklen_t size = sizeof(at);
  ASSERT_EQ(::getsockname(taken, reinterpret_cast<sockaddr*>(&at), &size), 0);
  const std::string address = absl::StrCat("127.0.0.1:", ntohs(at.sin_port));
  const absl::Status status = CannotListen(address);
  ::close(taken);
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_EQ(status.message(),
            absl::StrCat("cannot listen on '", address, "': Address already in use"));
  EXPECT_THAT(std::string(CannotListen("192.0.2.1:50551").message()),
              HasSubstr("Cannot assign requested address"))
      << "of no machine (RFC 5737)";
}

}  // namespace
}  // namespace halftone
