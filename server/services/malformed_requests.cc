#include "server/services/malformed_requests.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "google/protobuf/descriptor.h"
#include "server/convert/status.h"

namespace halftone {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::Interceptor;
using grpc::experimental::InterceptorBatchMethods;
using grpc::experimental::ServerRpcInfo;

class Explainer final : public Interceptor {
 public:
  explicit Explainer(ServerRpcInfo* info) : info_(info) {}

  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      const grpc::Status status = methods->GetSendStatus();
      if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED &&
          status.error_message().empty()) {
        methods->ModifySendStatus(ToGrpcStatus(WithReason(
            v1::REQUEST_MALFORMED,
            absl::InvalidArgumentError(absl::StrCat("the request's bytes are no message that ",
                                                    info_->method(), " takes")))));
      }
    }
    methods->Proceed();
  }

 private:
  ServerRpcInfo* const info_;  // lives as long as the call
};

class Factory final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit Factory(std::vector<std::string> services) : services_(std::move(services)) {}

  // gRPC owns what it makes; null: the call goes on without.
  Interceptor* CreateServerInterceptor(ServerRpcInfo* info) override {
    return Exists(info->method()) ? new Explainer(info) : nullptr;
  }

 private:
  bool Exists(absl::string_view path) const {  // "/halftone.v1.SearchService/GetJob"
    const std::pair<absl::string_view, absl::string_view> names =
        absl::StrSplit(absl::StripPrefix(path, "/"), absl::MaxSplits('/', 1));
    if (std::find(services_.begin(), services_.end(), names.first) == services_.end()) return false;
    return google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(
               absl::StrCat(names.first, ".", names.second)) != nullptr;
  }

  const std::vector<std::string> services_;
};

}  // namespace

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MalformedRequestsExplained(
    std::vector<std::string> services) {
  return std::make_unique<Factory>(std::move(services));
}

}  // namespace halftone
