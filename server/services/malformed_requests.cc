#include "server/services/malformed_requests.h"

#include "absl/strings/str_cat.h"
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
  Interceptor* CreateServerInterceptor(ServerRpcInfo* info) override {
    return new Explainer(info);  // gRPC owns it
  }
};

}  // namespace

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>
MalformedRequestsExplained() {
  return std::make_unique<Factory>();
}

}  // namespace halftone
