// Package tests lives a life of an instance by the official Go SDK. CETCD_TEST_ENDPOINT,
// CETCD_TEST_ETCD_VERSION and the TENCENTCLOUD_ variables come from the suite that starts the server
// (tests/python/test_other_sdks.py).
//
// The SDK's module for this product holds typed requests and answers only; its signing, sending and strict
// decoding are in the module `common`. The module proxy does not serve the former, so the few types that this
// life needs are declared here the way the SDK declares its own.
package tests

import (
	"context"
	"errors"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	tcerr "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/errors"
	tchttp "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/http"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"
)

type filter struct {
	Name   *string   `json:"Name,omitnil" name:"Name"`
	Values []*string `json:"Values,omitnil" name:"Values"`
}

type securitySettings struct {
	Https          *bool `json:"Https,omitnil" name:"Https"`
	ClientCertAuth *bool `json:"ClientCertAuth,omitnil" name:"ClientCertAuth"`
}

type advancedSettings struct {
	SecuritySettings *securitySettings `json:"SecuritySettings,omitnil" name:"SecuritySettings"`
}

// request holds the fields of every action that this life calls; those that are nil are not sent.
type request struct {
	*tchttp.BaseRequest
	InstanceId         *string           `json:"InstanceId,omitnil" name:"InstanceId"`
	InstanceIds        []*string         `json:"InstanceIds,omitnil" name:"InstanceIds"`
	Filters            []*filter         `json:"Filters,omitnil" name:"Filters"`
	Limit              *uint64           `json:"Limit,omitnil" name:"Limit"`
	Name               *string           `json:"Name,omitnil" name:"Name"`
	VpcId              *string           `json:"VpcId,omitnil" name:"VpcId"`
	ServiceSubnetId    *string           `json:"ServiceSubnetId,omitnil" name:"ServiceSubnetId"`
	SubnetIds          []*string         `json:"SubnetIds,omitnil" name:"SubnetIds"`
	EtcdVersion        *string           `json:"EtcdVersion,omitnil" name:"EtcdVersion"`
	Size               *uint64           `json:"Size,omitnil" name:"Size"`
	AdvancedSettings   *advancedSettings `json:"AdvancedSettings,omitnil" name:"AdvancedSettings"`
	DeletionProtection *bool             `json:"DeletionProtection,omitnil" name:"DeletionProtection"`
}

// answer is decoded by the SDK's own strict decoder: a number written as a text fails the test.
type answer struct {
	*tchttp.BaseResponse
	Response *struct {
		RequestId   *string `json:"RequestId,omitnil"`
		QuotaLimit  *uint64 `json:"QuotaLimit,omitnil"`
		TotalCount  *uint64 `json:"TotalCount,omitnil"`
		InstanceId  *string `json:"InstanceId,omitnil"`
		Credentials []*struct {
			CACert, Cert, Key *string
		} `json:"Credentials,omitnil"`
		Steps []*struct {
			Step, LifeState, StartAt, EndAt, FailedMsg *string
		} `json:"Steps,omitnil"`
		Etcds []*struct {
			InstanceId, Name, Status, Endpoint *string
			DeletionProtection                 *bool
		} `json:"Etcds,omitnil"`
	} `json:"Response"`
}

type client struct {
	common.Client
}

func connect(signMethod, httpMethod string) *client {
	settings := profile.NewClientProfile()
	settings.SignMethod = signMethod
	settings.HttpProfile.ReqMethod = httpMethod
	settings.HttpProfile.Scheme = "HTTP"
	settings.HttpProfile.Endpoint = os.Getenv("CETCD_TEST_ENDPOINT")
	pair := common.NewCredential(os.Getenv("TENCENTCLOUD_SECRET_ID"), os.Getenv("TENCENTCLOUD_SECRET_KEY"))
	made := &client{}
	made.Init("ap-guangzhou").WithCredential(pair).WithProfile(settings)
	return made
}

func (c *client) call(action string, fields request) (*answer, error) {
	fields.BaseRequest = &tchttp.BaseRequest{}
	c.InitBaseRequest(&fields.BaseRequest, "cetcd", "2022-03-25", action)
	fields.SetContext(context.Background())
	got := &answer{BaseResponse: &tchttp.BaseResponse{}}
	if err := c.Send(&fields, got); err != nil {
		return nil, err
	}
	return got, nil
}

func (c *client) must(t *testing.T, action string, fields request) *answer {
	t.Helper()
	got, err := c.call(action, fields)
	if err != nil {
		t.Fatalf("%s: %v", action, err)
	}
	if got.Response == nil || got.Response.RequestId == nil {
		t.Fatalf("%s: an answer without a RequestId", action)
	}
	return got
}

func (c *client) refused(t *testing.T, code, action string, fields request) {
	t.Helper()
	_, err := c.call(action, fields)
	var refusal *tcerr.TencentCloudSDKError
	if !errors.As(err, &refusal) || refusal.Code != code {
		t.Fatalf("%s: want %s, got %v", action, code, err)
	}
}

func until(t *testing.T, what string, patience time.Duration, come func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !come(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

func TestReadsAreAnsweredForEverySignatureAndMethod(t *testing.T) {
	for _, signMethod := range []string{"TC3-HMAC-SHA256", "HmacSHA1", "HmacSHA256"} {
		for _, httpMethod := range []string{"POST", "GET"} {
			t.Run(signMethod+" "+httpMethod, func(t *testing.T) {
				c := connect(signMethod, httpMethod)
				if quota := c.must(t, "DescribeEtcdQuota", request{}).Response.QuotaLimit; quota == nil || *quota != 5 {
					t.Fatalf("quota: %v", quota)
				}
				found := c.must(t, "DescribeEtcdInstances", request{
					Filters: []*filter{{Name: common.StringPtr("vpc-id"), Values: common.StringPtrs([]string{"vpc-none", "vpc-nowhere"})}},
					Limit:   common.Uint64Ptr(5),
				})
				if count := found.Response.TotalCount; count == nil || *count != 0 {
					t.Fatalf("TotalCount: %v", count)
				}
			})
		}
	}
}

func TestAnInstanceIsCreatedFollowedDescribedAndDeleted(t *testing.T) {
	c := connect("TC3-HMAC-SHA256", "POST")
	on := common.BoolPtr(true)
	id := c.must(t, "CreateEtcdInstance", request{
		Name:               common.StringPtr("by-go"),
		VpcId:              common.StringPtr("vpc-abcd1234"),
		ServiceSubnetId:    common.StringPtr("subnet-abcd1234"),
		SubnetIds:          common.StringPtrs([]string{"subnet-abcd1234"}),
		EtcdVersion:        common.StringPtr(os.Getenv("CETCD_TEST_ETCD_VERSION")),
		Size:               common.Uint64Ptr(1),
		AdvancedSettings:   &advancedSettings{&securitySettings{Https: on, ClientCertAuth: on}},
		DeletionProtection: on,
	}).Response.InstanceId
	it := request{InstanceId: id}

	until(t, "five steps are successful", time.Minute, func() bool {
		steps := c.must(t, "DescribeEtcdCreatingProgress", it).Response.Steps
		done := 0
		for _, step := range steps {
			if *step.LifeState == "success" {
				done++
			}
		}
		return len(steps) == 5 && done == 5
	})
	describe := func() *answer { return c.must(t, "DescribeEtcdInstances", request{InstanceIds: []*string{id}}) }
	until(t, "running", 5*time.Second, func() bool {
		etcds := describe().Response.Etcds
		return len(etcds) == 1 && *etcds[0].Status == "running" && *etcds[0].Name == "by-go" && *etcds[0].DeletionProtection
	})
	credentials := c.must(t, "DescribeEtcdCredentials", it).Response.Credentials
	if len(credentials) != 1 || !regexp.MustCompile(`^-----BEGIN [A-Z ]*PRIVATE KEY-----`).MatchString(*credentials[0].Key) {
		t.Fatalf("%d credentials, or no key in them", len(credentials))
	}

	c.refused(t, "OperationDenied", "DeleteEtcdInstance", it)
	c.must(t, "DisableEtcdInstanceDeletionProtection", it)
	c.must(t, "DeleteEtcdInstance", it)
	until(t, "gone", time.Minute, func() bool { return *describe().Response.TotalCount == 0 })
	c.refused(t, "ResourceNotFound", "DescribeEtcdCredentials", it)
}
