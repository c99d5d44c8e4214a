#include "server/services/malformed_requests.h"

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
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
        methods->ModifySendStatus(ToGrpcStatus(MalformedRequest(info_->method())));
      }
    }
    methods->Proceed();
  }

 private:
  ServerRpcInfo* const info_;  // lives as long as the call
};

class Factory final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit Factory(const std::vector<std::string>& services) {
    for (const std::string& name : services) {
      const google::protobuf::ServiceDescriptor* service =
          google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
      for (int i = 0; service != nullptr && i < service->method_count(); ++i) {
        paths_.insert(absl::StrCat("/", name, "/", service->method(i)->name()));
      }
    }
  }

  // gRPC owns what it makes; null: the call goes on without.
  Interceptor* CreateServerInterceptor(ServerRpcInfo* info) override {
    return paths_.contains(absl::string_view(info->method())) ? new Explainer(info) : nullptr;
  }

 private:
  absl::flat_hash_set<std::string> paths_;  // "/halftone.v1.SearchService/GetJob"
};

}  // namespace

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MalformedRequestsExplained(
    const std::vector<std::string>& services) {
  return std::make_unique<Factory>(services);
}

absl::Status MalformedRequest(absl::string_view method) {
  return WithReason(v1::REQUEST_MALFORMED,
                    absl::InvalidArgumentError(absl::StrCat(
                        "the request's bytes are no message that ", method, " takes")));
}

}  // namespace halftone
